"""The bytes of an answer: OpenAI's chat completion chunks as server-sent events."""

import time

import orjson

from tests.upstream.script import Script


class Wire:
    """Encodes one answer. What is the same in every chunk is encoded once."""

    def __init__(self, script: Script, model: str, answer_id: str):
        self.script = script
        self.newline = script.newline.encode()
        self.base = {"id": answer_id, "object": "chat.completion.chunk", "created": 0, "model": model}
        head, tail = self._choice({"content": "\0"}).split(b"\\u0000")
        self.head, self.tail = head, tail

    def event(self, payload: bytes) -> bytes:
        return b"data: " + payload + self.newline * 2

    def _chunk(self, **rest) -> bytes:
        return self.event(orjson.dumps({**self.base, **rest}))

    def _choice(self, delta: dict, finish: str | None = None, **rest: object) -> bytes:
        return self._chunk(choices=[{"index": 0, "delta": delta, "finish_reason": finish}], **rest)

    def opening(self) -> bytes:
        """The first chunk, then the reasoning and the tool calls of the script."""
        script = self.script
        named = {"citations": script.sources} if script.sources else {}
        parts = [self._choice({"role": "assistant", "content": ""}, **named)]
        parts += [self._choice({script.reasoning_key: f"r{n} "}) for n in range(1, script.reasoning + 1)]
        for index, tool in enumerate(script.tools):
            parts += [self._choice({"tool_calls": [piece]}) for piece in _tool_pieces(index, tool)]
        return b"".join(parts)

    def token(self, index: int) -> bytes:
        """Token number `index` (from 0), stamped with the present if the script asks for it."""
        if self.script.text is not None:
            return self.head + orjson.dumps(self.script.text[index])[1:-1] + self.tail
        if self.script.stamp:
            return b"%bw%d@%.6f %b" % (self.head, index + 1, time.monotonic(), self.tail)
        return b"%bw%d %b" % (self.head, index + 1, self.tail)

    def closing(self, prompt_tokens: int, include_usage: bool) -> bytes:
        """Finish reason, usage and end marker, each as far as the script wants it."""
        script, parts = self.script, []
        if script.finish is not None:
            parts.append(self._choice({}, script.finish))
        if script.sources:
            parts.append(self._chunk(choices=[], citations=script.sources))
        if script.usage and include_usage:
            usage = {"prompt_tokens": prompt_tokens, "completion_tokens": script.length}
            usage["total_tokens"] = sum(usage.values())
            parts.append(self._chunk(choices=[], usage=usage))
        if script.done:
            parts.append(self.event(b"[DONE]"))
        return b"".join(parts)

    def error(self) -> bytes:
        return self.event(error_body(self.script.error, "server_error"))

    def comment(self) -> bytes:
        return b": still here" + self.newline * 2


def error_body(message: str, kind: str) -> bytes:
    return orjson.dumps({"error": {"message": message, "type": kind, "param": None, "code": None}})


class TextWire(Wire):
    """A plain completion's answer, whose chunks have text instead of a message."""

    def _choice(self, delta: dict, finish: str | None = None) -> bytes:
        text = delta.get("content", "")
        return self._chunk(object="text_completion", choices=[{"index": 0, "text": text, "finish_reason": finish}])


def _tool_pieces(index: int, tool: dict) -> list[dict]:
    function = {"name": tool["name"], "arguments": ""}
    pieces = [{"index": index, "id": tool.get("id", f"call_{index}"), "type": "function", "function": function}]
    arguments = tool.get("arguments", "{}")
    for start in range(0, len(arguments), 5):
        pieces.append({"index": index, "function": {"arguments": arguments[start : start + 5]}})
    return pieces
