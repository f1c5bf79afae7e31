"""Telling a run's events as a chat completion: as a stream of chunks, or as one object at the end."""

from datetime import datetime

import orjson

from chatapp.openai.errors import Failed, error_body
from chatapp.openai.event_stream import DONE
from chatapp.openai.full_stream import Said
from chatapp.openai.models import Exchange
from runs.states import StopReason
from streams.events import Folded, Kind, ToolCalls

REASONS = {"stop", "length", "tool_calls", "content_filter"}  # for which a completion may end
STOPPED = "The answer was stopped."


class Completion:
    """What a run has said so far, and the words for it."""

    def __init__(self, exchange: Exchange, *, tells_usage: bool = False) -> None:
        self._head = {
            "id": f"chatcmpl-{exchange.run_id.hex}",
            "created": int(exchange.run.queued_at.timestamp()),
            "model": exchange.echo["model"],
        }
        self._tells_usage = tells_usage
        self._folded, self._text, self._reasoning, self._calls = Folded(), [], [], ToolCalls()

    def tell(self, said: Said, finished_at: datetime | None = None) -> bytes:
        """The frames for one event."""
        self.hear(said)
        match said.kind:
            case Kind.QUEUED:
                return self._chunk({"role": "assistant", "content": ""})
            case Kind.TEXT:
                return self._chunk({"content": said.data["text"]})
            case Kind.REASONING:
                return self._chunk({"reasoning_content": said.data["text"]})
            case Kind.TOOL:
                return self._chunk({"tool_calls": [_tool_chunk(said.data)]})
            case Kind.COMPLETED:
                return self._chunk({}, self._finish_reason()) + self._usage_chunk() + DONE
        return self._failed() if said.is_final else b""

    def hear(self, said: Said) -> None:
        folded = self._folded
        match said.kind:
            case Kind.TEXT:
                self._text.append(said.data["text"])
            case Kind.REASONING:
                self._reasoning.append(said.data["text"])
            case Kind.TOOL:
                self._calls.add(said.data)
            case Kind.USAGE:
                folded.usage = said.data
        if said.is_final:
            folded.final, folded.final_data, folded.tools = said.kind, said.data, self._calls.joined()

    def whole(self) -> dict:
        """The completion. Raises Failed for a run that did not complete."""
        if self._folded.final != Kind.COMPLETED:
            raise self._failure()
        message = {"role": "assistant", "content": "".join(self._text) or None, "refusal": None}
        if self._reasoning:
            message["reasoning_content"] = "".join(self._reasoning)
        if self._folded.tools:
            message["tool_calls"] = [_call(tool) for tool in self._folded.tools]
        choice = {"index": 0, "message": message, "finish_reason": self._finish_reason(), "logprobs": None}
        return self._head | {"object": "chat.completion", "choices": [choice], "usage": self._usage()}

    def _chunk(self, delta: dict, finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return self._frame([choice])

    def _usage_chunk(self) -> bytes:
        usage = self._usage() if self._tells_usage else None
        return self._frame([], usage) if usage else b""

    def _frame(self, choices: list[dict], usage: dict | None = None) -> bytes:
        chunk = self._head | {"object": "chat.completion.chunk", "choices": choices}
        if self._tells_usage:
            chunk["usage"] = usage
        return _frame(chunk)

    def _finish_reason(self) -> str:
        reason = self._folded.final_data.get("finish_reason", "")
        return reason if reason in REASONS else "tool_calls" if self._folded.tools else "stop"

    def _usage(self) -> dict | None:
        counts = self._folded.usage
        if not counts:
            return None
        return counts | {"total_tokens": counts["prompt_tokens"] + counts["completion_tokens"]}

    def _failure(self) -> Failed:
        return failure_of(self._folded.final, self._folded.final_data)

    def _failed(self) -> bytes:
        """An error in the place of a chunk, and no end marker: clients raise it."""
        failure = self._failure()
        return _frame(error_body(failure.status, failure.code, failure.message))


def failure_of(kind: str | None, data: dict) -> Failed:
    """The error that a final event other than run.completed is."""
    match kind:
        case Kind.FAILED:
            return Failed(data["code"], data["message"], data["retryable"])
        case Kind.LOST:
            return Failed("lost", data["message"], True)
    is_left = data.get("reason") == StopReason.VIEWER_LEFT
    return Failed("stopped", "Nobody waited for the answer any more." if is_left else STOPPED, False)


def _tool_chunk(delta: dict) -> dict:
    """A piece of a call; the first piece has the id, by which the whole is known."""
    function = {name: delta[name] for name in ("name", "arguments") if name in delta}
    chunk: dict = {"index": delta["index"], "function": function}
    return chunk | ({"id": delta["id"], "type": "function"} if "id" in delta else {})


def _call(tool: dict) -> dict:
    function = {"name": tool["name"], "arguments": tool["arguments"]}
    return {"id": tool["id"] or f"call_{tool['index']}", "type": "function", "function": function}


def _frame(value: dict) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(value)
