"""Parse the chunks of a chat completion into deltas, which become events.

An upstream is not trusted. Text keeps no NUL and no lone surrogates, numbers stay within what a column holds, and
counts have limits.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

import orjson

from runs.errors import RunError, UpstreamGarbage, UpstreamTooLarge
from runs.net.sse import Payload
from runs.upstream.failures import EXCERPT_CHARACTERS, excerpt, failure_for, report_in
from streams.events import Kind

MAX_TOOL_CALLS = 256  # in one answer: readers look each of them up among all
MAX_VALUES = 100_000  # in a large event
MAX_COUNT = 2**31 - 1
MAX_FINISH_REASON_CHARACTERS = 100
MAX_TOOL_CHARACTERS = 4_000  # of a tool call's id and of its name
PIECE_CHARACTERS = 32 * 1024  # of a large delta in one event
LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # a pair is one character
FINISH = "finish"  # {"finish_reason": str}


class Delta(NamedTuple):
    """One thing an upstream sent: a future event, or the reason why it finished."""

    kind: str  # of Kind, or FINISH
    data: dict[str, Any]


def parse(payloads: list[Payload]) -> tuple[list[Delta], RunError | None]:
    """Parse the payloads of one read. Returns the deltas, merged by kind, and the error that follows them."""
    deltas: list[Delta] = []
    failure = None
    chunks: Iterable[object]
    try:
        chunks = [orjson.loads(payloads[0])] if len(payloads) == 1 else orjson.loads(b"[%b]" % b",".join(payloads))
        is_strict = True
    except orjson.JSONDecodeError:
        chunks = map(_load_leniently, payloads)
        is_strict = False
    try:
        for chunk in chunks:
            _add_chunk(deltas, chunk)
    except RunError as error:
        failure = error
    if not is_strict:
        deltas = [
            Delta(kind, {name: _replace_lone_surrogates(value) for name, value in data.items()})
            for kind, data in deltas
        ]
    return (deltas if len(deltas) < 2 else _merge(deltas)), failure


def parse_large(payloads: list[Payload]) -> tuple[list[Delta], RunError | None]:
    """As `parse`, where the first payload is large. Each step holds the interpreter's lock, so none may take long."""
    if _has_too_many_values(payloads[0]):
        return [], UpstreamTooLarge(f"an event of more than {MAX_VALUES} values")
    deltas, failure = parse(payloads)
    return [Delta(kind, piece) for kind, data in deltas for piece in split(data)], failure


def _has_too_many_values(payload: Payload) -> bool:
    """Whether parsing would take too long: a million lists take half a second."""
    if _count_values(payload) <= MAX_VALUES:
        return False
    plain = payload.replace(rb"\\", b"").replace(rb"\"", b"")
    if plain.count(b'"') > 4 * (MAX_VALUES + 1):  # two for a name, two for a value
        return True
    return _count_values(b"".join(plain.split(b'"')[::2])) > MAX_VALUES


def _count_values(payload: Payload) -> int:
    """About how many values it has, if it is JSON without its strings."""
    return payload.count(b",") + payload.count(b"[") + payload.count(b"{")


def split(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Split a large delta's data into that of several deltas, which fold to the same."""
    name = "text" if "text" in data else "arguments"
    text = data.get(name, "")
    if len(text) <= PIECE_CHARACTERS:
        yield data
        return
    for start in range(0, len(text), PIECE_CHARACTERS):
        yield data | {name: text[start : start + PIECE_CHARACTERS]}
        data = {"index": data["index"]} if "index" in data else {}


def _merge(deltas: list[Delta]) -> list[Delta]:
    """Merge adjacent deltas of a kind. Each piece of text is copied once, however many there are."""
    merged: list[Delta] = []
    for kind, group in groupby(deltas, attrgetter("kind")):
        if kind in (Kind.TEXT, Kind.REASONING):
            merged.append(Delta(kind, {"text": "".join([delta.data["text"] for delta in group])}))
        elif kind == Kind.TOOL:
            merged += _merge_tool_calls(group)
        elif kind == Kind.USAGE:
            merged.append([*group][-1])  # counts are of the whole answer so far
        else:
            merged += group
    return merged


def _merge_tool_calls(deltas: Iterable[Delta]) -> Iterator[Delta]:
    """Merge deltas that only continue the arguments of the call before them."""
    first: dict[str, Any] = {}
    arguments: list[str] = []
    for _, data in deltas:
        if first and data["index"] == first["index"] and "id" not in data and "name" not in data:
            arguments.append(data.get("arguments", ""))
            continue
        if first:
            yield _tool_call(first, arguments)
        first, arguments = data, [data.get("arguments", "")]
    yield _tool_call(first, arguments)


def _tool_call(data: dict[str, Any], arguments: list[str]) -> Delta:
    return Delta(Kind.TOOL, data if len(arguments) == 1 else data | {"arguments": "".join(arguments)})


def _load_leniently(payload: Payload) -> object:
    """Load JSON. In its strings broken UTF-8 becomes U+FFFD, and lone surrogates stay."""
    try:
        return json.loads(payload.decode(errors="replace"), parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        raise UpstreamGarbage(f"not JSON: {bytes(payload[:EXCERPT_CHARACTERS])!r}") from error


def _reject_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _replace_lone_surrogates(value: object) -> object:
    """In a text, put U+FFFD in the place of each lone surrogate."""
    if not isinstance(value, str) or value.isascii():
        return value
    parts = (value[start : start + PIECE_CHARACTERS] for start in range(0, len(value), PIECE_CHARACTERS))
    return "".join([LONE_SURROGATE.sub("\ufffd", part) for part in parts])


def _add_chunk(deltas: list[Delta], chunk: object) -> None:
    """Append a chunk's deltas. Raises UpstreamGarbage for an invalid chunk, UpstreamFailed for an error in it."""
    if not isinstance(chunk, dict):
        raise UpstreamGarbage(f"not an object: {excerpt(chunk)}")
    if (chunk.get("error") or "choices" not in chunk) and (report := report_in(chunk)) is not None:
        raise failure_for(report, excerpt(chunk))
    try:
        if choices := chunk.get("choices"):
            _add_choice(deltas, choices[0])
        if usage := chunk.get("usage"):
            counts = {name: _count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens")}
            deltas.append(Delta(Kind.USAGE, counts))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise UpstreamGarbage(f"{error!r} in {excerpt(chunk)}") from error


def _add_choice(deltas: list[Delta], choice: dict[str, Any]) -> None:
    delta = choice.get("delta") or {}
    if text := delta.get("reasoning_content") or delta.get("reasoning"):
        _add_text(deltas, Kind.REASONING, text)
    if text := delta.get("content"):
        _add_text(deltas, Kind.TEXT, text)
    calls = delta.get("tool_calls") or ()
    if len(calls) > MAX_TOOL_CALLS:
        raise ValueError(f"more than {MAX_TOOL_CALLS} tool calls")
    for call in calls:
        deltas.append(Delta(Kind.TOOL, _tool_delta(call)))
    if reason := choice.get("finish_reason"):
        deltas.append(Delta(FINISH, {"finish_reason": _text(reason)[:MAX_FINISH_REASON_CHARACTERS]}))


def _add_text(deltas: list[Delta], kind: Kind, text: object) -> None:
    if not isinstance(text, str):
        raise TypeError("text is not a string")
    deltas.append(Delta(kind, {"text": text.replace("\0", "\ufffd")}))


def _tool_delta(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function") or {}
    delta: dict[str, Any] = {"index": _count(call.get("index"))}
    for name, value in (
        ("id", call.get("id")),
        ("name", function.get("name")),
        ("arguments", function.get("arguments")),
    ):
        if value:
            delta[name] = _text(value)
    if max(len(delta.get("id", "")), len(delta.get("name", ""))) > MAX_TOOL_CHARACTERS:
        raise ValueError("the id or name of a tool call is too long")
    return delta


def _text(value: object) -> str:
    """A string, or a number in its place, without NUL, which PostgreSQL's text cannot hold. Raises TypeError."""
    if isinstance(value, int):
        value = str(value)
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} in the place of a string")
    return value.replace("\0", "\ufffd")


def _count(value: Any) -> int:
    """A number as the upstream intended it, within the range of a column."""
    return min(max(int(value or 0), 0), MAX_COUNT)
