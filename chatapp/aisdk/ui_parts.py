"""Encode the events of a stream as the parts of an AI SDK UI message stream. A pure fold, without I/O.

A client that receives all parts of a run builds the message that `chatapp.aisdk.ui_messages` makes of the stored one.
Parts depend on the events only: a replay yields the same text in larger pieces.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chatapp.strict_json import loads
from runs.upstream.reading.finish_reasons import Ending, ending_of
from runs.upstream.reading.sources import merge
from streams.events import Folded, Kind

Part = dict[str, object]

FINISH_REASONS = {  # the upstream's finish_reason -> the SDK's; anything else is `other`
    "stop": "stop",
    "tool_calls": "tool-calls",
    "function_call": "tool-calls",
}


CUT_OFF = {Ending.LENGTH: "length", Ending.FILTER: "content-filter"}


def finish_reason_of(reason: str) -> str:
    """The SDK's finish reason for an upstream's."""
    return CUT_OFF.get(ending_of(reason)) or FINISH_REASONS.get(reason, "other")


@dataclass
class Tool:
    """A tool call so far. Its first part is sent once its name is known."""

    call: str
    name: str = ""
    arguments: str = ""
    sent_characters: int = 0  # characters of the arguments sent so far
    has_begun: bool = False

    @classmethod
    def of(cls, stored: dict, message: object) -> "Tool":
        return cls(stored["id"] or default_call_id(message, stored["index"]), stored["name"], stored["arguments"])


class PartEncoder:
    """Encodes one run, event by event. `before`: text that earlier runs wrote in the same message."""

    def __init__(self, message: str, metadata: dict, before: Folded) -> None:
        self.is_over = False
        self._message, self._metadata, self._before = message, metadata, before
        self._has_begun = False
        self._open: tuple[str, str] | None = None  # kind and id of the open part
        self._parts = 0  # number of text and reasoning parts so far, used for their ids
        self._sent_characters = {"text": 0, "reasoning": 0}  # characters of this run
        self._tools: dict[int, Tool] = {}
        self._sources = before.sources

    def encode(self, events: Iterable[tuple[str, dict]]) -> list[Part]:
        """The parts for the next events, `(kind, data)`. Consecutive deltas of one part are merged."""
        parts: list[Part] = [] if self._has_begun else self._begin()
        for kind, data in events:
            parts += self._encode_event(kind, data)
        return merge_deltas(parts)

    def interrupt(self) -> list[Part]:
        """The part to send if the connection ends before the run: else the client treats the answer as complete."""
        self.is_over = True
        return [{"type": "error", "errorText": "The connection was interrupted. Resume to continue."}]

    def _begin(self) -> list[Part]:
        self._has_begun = True
        parts: list[Part] = [
            {"type": "start", "messageId": self._message, "messageMetadata": self._metadata},
            {"type": "start-step"},
        ]
        parts += self._grow("reasoning", self._before.reasoning) + self._grow("text", self._before.text)
        for tool in self._before.tools:
            parts += [*self._close(), final_part(Tool.of(tool, self._message))]
        return parts

    def _encode_event(self, kind: str, data: dict) -> list[Part]:
        match kind:
            case Kind.TEXT:
                return self._add_text("text", data["text"])
            case Kind.REASONING:
                return self._add_text("reasoning", data["text"])
            case Kind.TOOL:
                return self._call(data)
            case Kind.SNAPSHOT:
                return self._apply_snapshot(data)
            case Kind.RETRYING:
                return [{"type": "data-retrying", "data": data, "transient": True}]
            case Kind.SOURCES:
                self._sources = merge(self._before.sources, data["sources"])
                return []  # behind the text and the tools, at the end
            case Kind.USAGE:
                return [_metadata(usage=usage(data))]
            case Kind.COMPLETED:
                reason = finish_reason_of(data["finish_reason"])
                return self._end({"type": "finish", "finishReason": reason}, state="complete")
            case Kind.STOPPED:
                reason = data["reason"]
                return self._end({"type": "abort", "reason": reason}, state="stopped", reason=reason)
            case Kind.FAILED:
                details = {"code": data["code"], "retryable": data["retryable"]}
                return self._end({"type": "error", "errorText": data["message"]}, state="failed", **details)
            case Kind.LOST:
                reason = data["reason"]
                return self._end({"type": "error", "errorText": data["message"]}, state="lost", reason=reason)
        return []

    # -- text and reasoning -----------------------------------------------------------------------

    def _add_text(self, kind: str, text: str) -> list[Part]:
        self._sent_characters[kind] += len(text)
        return self._grow(kind, text)

    def _grow(self, kind: str, text: str) -> list[Part]:
        if not text:
            return []
        parts = []
        if self._open is None or self._open[0] != kind:
            parts = self._close()
            self._parts += 1
            self._open = kind, f"{kind}-{self._parts}"
            parts.append({"type": f"{kind}-start", "id": self._open[1]})
        return [*parts, {"type": f"{kind}-delta", "id": self._open[1], "delta": text}]

    def _close(self) -> list[Part]:
        if self._open is None:
            return []
        (kind, name), self._open = self._open, None
        return [{"type": f"{kind}-end", "id": name}]

    def _apply_snapshot(self, snapshot: dict) -> list[Part]:
        """Send the part of a snapshot beyond the text so far: the log was compacted while a slow client was reading."""
        parts = []
        for kind in ("reasoning", "text"):
            parts += self._add_text(kind, snapshot[kind][self._sent_characters[kind] :])
        for tool in snapshot["tools"]:
            known = self._tools.get(tool["index"])
            rest = {
                "index": tool["index"],
                "id": "" if known else tool["id"],
                "name": tool["name"][len(known.name) if known else 0 :],
                "arguments": tool["arguments"][len(known.arguments) if known else 0 :],
            }
            parts += self._call(rest)
        if "sources" in snapshot:
            self._sources = merge(self._before.sources, snapshot["sources"])
        return parts + ([_metadata(usage=usage(snapshot["usage"]))] if "usage" in snapshot else [])

    # -- tools ------------------------------------------------------------------------------------

    def _call(self, delta: dict) -> list[Part]:
        index = delta["index"]
        if index not in self._tools:
            self._tools[index] = Tool.of(
                {"index": index, "id": delta.get("id"), "name": "", "arguments": ""}, self._message
            )
        tool = self._tools[index]
        tool.arguments += delta.get("arguments") or ""
        tool.name += delta.get("name") or ""
        parts = self._close()
        if tool.name and not tool.has_begun:
            tool.has_begun = True
            parts.append({"type": "tool-input-start", "toolCallId": tool.call, "toolName": tool.name, "dynamic": True})
        if tool.has_begun and (more := tool.arguments[tool.sent_characters :]):
            tool.sent_characters = len(tool.arguments)
            parts.append({"type": "tool-input-delta", "toolCallId": tool.call, "inputTextDelta": more})
        return parts

    # -- the end ----------------------------------------------------------------------------------

    def _end(self, last: Part, **metadata: object) -> list[Part]:
        self.is_over = True
        parts = self._close()
        parts += [final_part(tool) for _, tool in sorted(self._tools.items())]
        parts += source_parts(self._sources)
        return [*parts, {"type": "finish-step"}, _metadata(**metadata), last]


def default_call_id(message: object, index: int) -> str:
    """An id for a tool call to which the model gave none."""
    return f"{message}-{index}"


def final_part(tool: Tool) -> Part:
    """The final part of a tool call. Its arguments are parsed, unless the model wrote invalid JSON."""
    part = {"toolCallId": tool.call, "toolName": tool.name or "unknown", "dynamic": True}
    try:
        return {"type": "tool-input-available", **part, "input": loads(tool.arguments.encode() or b"{}")}
    except ValueError:  # a model may write anything
        error = "The arguments are not JSON."
        return {"type": "tool-input-error", **part, "input": tool.arguments, "errorText": error}


def source_parts(sources: list[dict[str, str]]) -> list[Part]:
    """The web pages that an answer names; the ids are their numbers, as in "[1]"."""
    return [
        {"type": "source-url", "sourceId": str(number), "url": source["url"]}
        | ({"title": source["title"]} if source["title"] else {})
        for number, source in enumerate(sources, start=1)
    ]


def usage(counts: dict) -> dict:
    details = {"cachedInputTokens": counts.get("cached_tokens"), "reasoningTokens": counts.get("reasoning_tokens")}
    known = {name: count for name, count in details.items() if count}
    return {"inputTokens": counts["prompt_tokens"], "outputTokens": counts["completion_tokens"]} | known


def _metadata(**values: object) -> Part:
    return {"type": "message-metadata", "messageMetadata": values}


def merge_deltas(parts: list[Part]) -> list[Part]:
    """Merge consecutive deltas of one part, so that clients process a history in few steps."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else {}
        if "delta" in part and last.get("id") == part["id"] and "delta" in last:
            joined[-1] = {**last, "delta": last["delta"] + part["delta"]}
        else:
            joined.append(part)
    return joined
