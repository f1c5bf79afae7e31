"""The items that a response's output consists of, and the events of each: added, delta by delta, done."""

from typing import NamedTuple


class Words(NamedTuple):
    """How the protocol names a kind of text and its events."""

    item: str  # prefix of ids
    part: str
    event: str
    extra: dict  # in events about the text
    part_extra: dict


MESSAGE = Words("msg", "output_text", "response.output_text", {"logprobs": []}, {"annotations": []})
REASONING = Words("rs", "reasoning_text", "response.reasoning_text", {}, {})


class TextItem:
    """A message, or what the model thinks: one part of text that grows. Each method returns events."""

    def __init__(self, words: Words, run: str, index: int) -> None:
        self._words, self._index, self._text = words, index, []
        self.id, self.is_open = f"{words.item}_{run}_{index}", True
        self._status = "in_progress"

    def is_a(self, words: Words) -> bool:
        return self._words is words

    def begin(self) -> list[dict]:
        added = {"type": "response.output_item.added", "output_index": self._index, "item": self._object([])}
        return [added, self._of_part("response.content_part.added", part=self._part(""))]

    def add(self, text: str) -> list[dict]:
        self._text.append(text)
        return [self._of_part(f"{self._words.event}.delta", delta=text, **self._words.extra)]

    def end(self, status: str) -> list[dict]:
        """`status`: completed or incomplete."""
        self.is_open, self._status, text = False, status, "".join(self._text)
        return [
            self._of_part(f"{self._words.event}.done", text=text, **self._words.extra),
            self._of_part("response.content_part.done", part=self._part(text)),
            {"type": "response.output_item.done", "output_index": self._index, "item": self.object()},
        ]

    def object(self) -> dict:
        """The item as it is now."""
        return self._object([self._part("".join(self._text))])

    def _object(self, content: list[dict]) -> dict:
        kind = {"type": "message", "role": "assistant"}
        if self._words is REASONING:
            kind = {"type": "reasoning", "summary": []}
        return {"id": self.id, **kind, "status": self._status, "content": content}

    def _part(self, text: str) -> dict:
        return {"type": self._words.part, "text": text, **self._words.part_extra}

    def _of_part(self, kind: str, **values: object) -> dict:
        return {"type": kind, "item_id": self.id, "output_index": self._index, "content_index": 0, **values}


class CallItem:
    """A function that the model wants to be called."""

    def __init__(self, run: str, index: int, tool: int, delta: dict) -> None:
        self._index, self.is_open, self._status = index, True, "in_progress"
        self.id = f"fc_{run}_{index}"
        self._call_id = delta.get("id") or f"call_{tool}"  # as `chain` names one that the upstream left nameless
        self._name, self._arguments = "", []

    def begin(self, name: str) -> list[dict]:
        """Its name as far as it is known; upstreams send it whole, though they need not."""
        item = self.object() | {"name": name}
        return [{"type": "response.output_item.added", "output_index": self._index, "item": item}]

    def add(self, delta: dict) -> list[dict]:
        self._name += delta.get("name", "")
        arguments = delta.get("arguments", "")
        if not arguments:
            return []
        self._arguments.append(arguments)
        return [self._event("response.function_call_arguments.delta", delta=arguments)]

    def end(self, status: str) -> list[dict]:
        self.is_open, self._status = False, status
        return [
            self._event("response.function_call_arguments.done", name=self._name, arguments="".join(self._arguments)),
            {"type": "response.output_item.done", "output_index": self._index, "item": self.object()},
        ]

    def object(self) -> dict:
        return {
            "id": self.id,
            "type": "function_call",
            "status": self._status,
            "call_id": self._call_id,
            "name": self._name,
            "arguments": "".join(self._arguments),
        }

    def _event(self, kind: str, **values: object) -> dict:
        return {"type": kind, "item_id": self.id, "output_index": self._index, **values}
