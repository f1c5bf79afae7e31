"""What a chunk adds to an answer: text, reasoning, images and tool calls, in the forms in which servers send them."""

from typing import Any, NamedTuple

import orjson

from runs.upstream.reading.images import PART_TYPES, images_in
from runs.upstream.reading.sources import PLACES, sources_in
from runs.upstream.reading.tool_calls import ToolCallTracker
from streams.events import Kind

FINISH = "finish"  # the kind of {"finish_reason": str}, which is no event
IMAGE = "image"  # the kind of {"image": str}, a data URI or base64, which is no event: the log holds none (B71)
MAX_DEPTH = 6  # of parts within parts
REASONING_FIELDS = (  # the first that has some
    "reasoning_content",
    "reasoning",
    "reasoning_text",
    "thinking",
    "thinking_content",
    "reasoning_details",
    "thinking_blocks",
)
REASONING_PARTS = {
    "thinking",
    "reasoning",
    "reasoning_text",
    "reasoning_content",
    "reasoning.text",
    "reasoning.summary",
    "summary_text",
    "thought",
}
PASSED_OVER = {  # parts without words
    "reference",
    "audio",
    "input_audio",
    "file",
    "document",
    "tool_use",
    "tool_call",
    "tool_result",
    "redacted_thinking",
    "reasoning.encrypted",
}
TEXT_KEYS = ("text", "content", "thinking", "reasoning", "summary", "refusal", "parts", "value")


class Delta(NamedTuple):
    """One thing an upstream sent: a future event, an image, or the reason why it finished."""

    kind: str  # of Kind, or FINISH, or IMAGE
    data: dict[str, Any]


def add_delta(deltas: list[Delta], delta: dict[str, Any], calls: ToolCallTracker) -> None:
    """Append what a chunk's delta, or a whole message, consists of. Raises TypeError, ValueError or AttributeError."""
    for name in REASONING_FIELDS:
        if reasoning := delta.get(name):
            _add(deltas, Kind.REASONING, reasoning)
            break
    if (content := delta.get("content")) or content == 0:
        _add(deltas, Kind.TEXT, content)
    if isinstance(audio := delta.get("audio"), dict) and (transcript := audio.get("transcript")):
        _add(deltas, Kind.TEXT, transcript)
    if images := delta.get("images"):
        deltas += [Delta(IMAGE, {"image": image}) for image in images_in(images)]
    if refusal := delta.get("refusal"):
        begin = len(deltas)
        _add(deltas, Kind.TEXT, refusal)
        for each in deltas[begin:]:
            each.data["refusal"] = True
    if pieces := delta.get("tool_calls"):
        deltas += [Delta(Kind.TOOL, data) for data in calls.pieces_of([pieces] if isinstance(pieces, dict) else pieces)]
    elif function := delta.get("function_call"):
        deltas += [Delta(Kind.TOOL, data) for data in calls.legacy_piece(function)]
    if not PLACES.isdisjoint(delta) and (sources := sources_in(delta)):
        deltas.append(Delta(Kind.SOURCES, {"sources": sources}))


def _add(deltas: list[Delta], kind: Kind, value: object, depth: int = 0) -> None:
    """Text comes as a string, a number, a part, or a list of these; parts of thinking are reasoning."""
    if depth > MAX_DEPTH:
        raise ValueError("parts are nested too deeply")
    if isinstance(value, list):
        for item in value:
            _add(deltas, kind, item, depth + 1)
    elif isinstance(value, dict):
        _add_part(deltas, kind, value, depth)
    elif isinstance(value, str):
        if value:
            deltas.append(Delta(kind, {"text": value.replace("\0", "\ufffd")}))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        deltas.append(Delta(kind, {"text": orjson.dumps(value).decode()}))
    elif value is not None and kind is not Kind.REASONING:  # an answer is not lost for its reasoning
        raise TypeError(f"a {type(value).__name__} in the place of text")


def _add_part(deltas: list[Delta], kind: Kind, part: dict[str, Any], depth: int) -> None:
    type_ = part.get("type")
    if type_ in PASSED_OVER:
        return
    if type_ in PART_TYPES:
        deltas += [Delta(IMAGE, {"image": image}) for image in images_in(part)]
        return
    if type_ in REASONING_PARTS or part.get("thought") is True:
        kind = Kind.REASONING
    found = [part[name] for name in TEXT_KEYS if name in part]
    if not found and type_ is None and kind is not Kind.REASONING:
        raise TypeError("an object without text in the place of text")
    _add(deltas, kind, next((value for value in found if value), None), depth + 1)
