"""The items of a response's output, and their events: added, deltas, done."""

from collections.abc import Callable
from typing import NamedTuple

from chatapp.openai.citations import citations_in


class TextKind(NamedTuple):
    """The protocol's names for a kind of text and its events."""

    item: str  # prefix of ids
    part: str  # type of the part with the text
    event: str  # prefix of the events about the text
    extra: dict  # in these events
    part_event: str = "response.content_part"
    index: str = "content_index"
    text: str = "text"  # the member that has the text


MESSAGE = TextKind("msg", "output_text", "response.output_text", {"logprobs": []})
REFUSAL = TextKind("msg", "refusal", "response.refusal", {}, text="refusal")
REASONING = TextKind("rs", "reasoning_text", "response.reasoning_text", {})
# The same reasoning, for clients that request summaries: models here write none.
SUMMARY = TextKind(
    "rs",
    "summary_text",
    "response.reasoning_summary_text",
    {},
    part_event="response.reasoning_summary_part",
    index="summary_index",
)


class TextItem:
    """A message or reasoning: one text part that grows. Each method returns the events of its change."""

    def __init__(self, kind: TextKind, run: str, index: int) -> None:
        self._text_kind, self._index, self._text = kind, index, []
        self.id, self.is_open = f"{kind.item}_{run}_{index}", True
        self._status = "in_progress"
        self._annotations: list[dict] = []

    def is_kind(self, kind: TextKind) -> bool:
        return self._text_kind is kind

    def begin(self) -> list[dict]:
        added = {"type": "response.output_item.added", "output_index": self._index, "item": self._object([])}
        return [added, self._of_part(f"{self._text_kind.part_event}.added", part=self._part(""))]

    def add(self, text: str) -> list[dict]:
        self._text.append(text)
        return [self._of_part(f"{self._text_kind.event}.delta", delta=text, **self._text_kind.extra)]

    def cite(self, sources: list[dict], is_known: Callable[[str], bool]) -> list[dict]:
        """Annotate a message with its `sources`, except those whose address is known."""
        if self._text_kind is not MESSAGE:
            return []
        events = []
        for citation in citations_in("".join(self._text), sources):
            if not is_known(citation.url):
                place = {"annotation_index": len(self._annotations), "annotation": citation.of_response()}
                self._annotations.append(place["annotation"])
                events.append(self._of_part("response.output_text.annotation.added", **place))
        return events

    def end(self, status: str) -> list[dict]:
        """`status`: completed or incomplete."""
        self.is_open, self._status, text = False, status, "".join(self._text)
        whole = {self._text_kind.text: text, **self._text_kind.extra}
        return [
            self._of_part(f"{self._text_kind.event}.done", **whole),
            self._of_part(f"{self._text_kind.part_event}.done", part=self._part(text)),
            {"type": "response.output_item.done", "output_index": self._index, "item": self.object()},
        ]

    def object(self) -> dict:
        """The current item."""
        return self._object([self._part("".join(self._text))])

    def _object(self, parts: list[dict]) -> dict:
        if self._text_kind is SUMMARY:
            return {"id": self.id, "type": "reasoning", "summary": parts, "status": self._status}
        kind = {"type": "message", "role": "assistant"}
        if self._text_kind is REASONING:
            kind = {"type": "reasoning", "summary": []}
        return {"id": self.id, **kind, "status": self._status, "content": parts}

    def _part(self, text: str) -> dict:
        extra = {"annotations": list(self._annotations)} if self._text_kind is MESSAGE else {}
        return {"type": self._text_kind.part, self._text_kind.text: text, **extra}

    def _of_part(self, kind: str, **values: object) -> dict:
        place = {"item_id": self.id, "output_index": self._index, self._text_kind.index: 0}
        return {"type": kind, **place, **values}


class CallItem:
    """A call of a function by the model."""

    def __init__(self, run: str, index: int, tool: int, delta: dict) -> None:
        self._index, self.is_open, self._status = index, True, "in_progress"
        self.id = f"fc_{run}_{index}"
        self._call_id = delta.get("id") or f"call_{tool}"  # as in previous_responses, for a call without an id
        self._name, self._arguments = "", []

    def begin(self, name: str) -> list[dict]:
        """`name` is the name so far. In practice upstreams send it in one piece."""
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
