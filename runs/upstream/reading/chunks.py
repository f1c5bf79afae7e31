"""Parse the chunks of a chat completion into deltas, which become events.

An upstream is not trusted. Text keeps no NUL and no lone surrogates, numbers stay within what a column holds, and
counts have limits.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

import orjson

from runs.errors import RunError, UpstreamGarbage, UpstreamTooLarge
from runs.net.sse import DONE, Payload
from runs.upstream.failures.classify import failure_for
from runs.upstream.failures.report import EXCERPT_CHARACTERS, Report, excerpt, report_in
from runs.upstream.reading.deltas import FINISH, Delta, add_delta
from runs.upstream.reading.finish_reasons import is_reason
from runs.upstream.reading.sources import sources_in
from runs.upstream.reading.tool_calls import ToolCallTracker, TooManyCalls, text_of
from runs.upstream.reading.usage import counts_of, merge_counts
from runs.upstream.storable_text import storable
from streams.events import Kind

MAX_VALUES = 100_000  # in a large event
MAX_FINISH_REASON_CHARACTERS = 100
PIECE_CHARACTERS = 32 * 1024  # of a large delta in one event
LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # a pair is one character
WRAPPERS = ("data", "result", "response", "output", "body", "chunk")  # members in which gateways put a whole chunk
REASON_FIELDS = ("finish_reason", "finishReason", "stop_reason", "finish_details")
PLAIN_FIELDS = frozenset(("role", "content", "reasoning_content", "reasoning"))  # of a delta of nothing but text
MAX_LISTED = 10_000  # chunks in a list; a longer one is no answer
_ABSENT = object()
_BETWEEN_VALUES = re.compile(  # what is neither JSON nor words: framing within the frame, comments, signs of life
    r"(?:[\s,\0\ufeff]|\\[nr]|data:|:[^\n]*|\[?(?:ping|pong|keep-?alive|heartbeat|start)\]?(?=\s|$))*", re.IGNORECASE
)
_END = re.compile(r"\[DONE\]|DONE\b", re.IGNORECASE)  # the end marker, as some servers write it


def parse(payloads: list[Payload]) -> tuple[list[Delta], RunError | None]:
    """As `ChunkParser.parse`, of an answer that these payloads begin."""
    parser = ChunkParser()
    deltas, failure = parser.parse(payloads)
    return deltas + parser.finish(), failure


class ChunkParser:
    """Parses the chunks of one answer. Remembers which tool calls there are, and whether there is any content."""

    __slots__ = ("_calls", "_citations", "_half", "_has_content")

    def __init__(self) -> None:
        self._calls = ToolCallTracker()
        self._has_content = False
        self._half = ""  # the first half of a surrogate pair, at the end of the text so far
        self._citations: object = None  # of the chunk before

    def parse(self, payloads: list[Payload]) -> tuple[list[Delta], RunError | None]:
        """Parse the payloads of one read. Returns the deltas, merged by kind, and the error that follows them."""
        deltas: list[Delta] = []
        failure = None
        chunks: Iterable[object]
        try:
            chunks = [orjson.loads(payloads[0])] if len(payloads) == 1 else orjson.loads(b"[%b]" % b",".join(payloads))
            is_strict = True
        except orjson.JSONDecodeError:
            chunks = chain.from_iterable(map(_load_leniently, payloads))
            is_strict = False
        try:
            for chunk in chunks:
                if self._has_content and (plain := _plain_delta(chunk)) is not None:
                    deltas.append(plain)
                else:
                    self._add_chunk(deltas, chunk)
        except RunError as error:
            failure = error
        if not is_strict:
            deltas = [
                Delta(kind, {name: _replace_lone_surrogates(value) for name, value in data.items()})
                for kind, data in self._join_halves(deltas)
            ]
        return (deltas if len(deltas) < 2 else _merge(deltas)), failure

    def finish(self) -> list[Delta]:
        """What waited for the rest of it, at the end of the answer."""
        half, self._half = self._half, ""
        deltas = [Delta(Kind.TEXT, {"text": "\ufffd"})] if half else []
        return deltas + [Delta(Kind.TOOL, data) for data in self._calls.finish()]

    def _join_halves(self, deltas: list[Delta]) -> Iterator[Delta]:
        """Servers that count in UTF-16 cut characters in two: a first half waits for the text that comes next."""
        for delta in deltas:
            if delta.kind != Kind.TEXT:
                yield delta
                continue
            text, half = delta.data["text"], self._half
            if half and "\udc00" <= text[0] <= "\udfff":
                text = (half + text[0]).encode("utf-16", "surrogatepass").decode("utf-16") + text[1:]
            else:
                text = half + text
            self._half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
            if text := text.removesuffix(self._half):
                yield Delta(delta.kind, delta.data | {"text": text})

    def parse_large(self, payloads: list[Payload]) -> tuple[list[Delta], RunError | None]:
        """As `parse`, where the first payload is large. Each step holds the interpreter's lock: none may take long."""
        if _has_too_many_values(payloads[0]):
            return [], UpstreamTooLarge(f"an event of more than {MAX_VALUES} values")
        deltas, failure = self.parse(payloads)
        return [Delta(kind, piece) for kind, data in deltas for piece in split(data)], failure

    def _add_chunk(self, deltas: list[Delta], chunk: object) -> None:
        """Append a chunk's deltas. Raises UpstreamGarbage for an invalid chunk, or the error that it reports."""
        if not isinstance(chunk, dict):
            self._add_other(deltas, chunk)
            return
        choices = chunk.get("choices")
        if choices is None and (inner := _wrapped(chunk)) is not None:
            chunk, choices = inner, inner["choices"]
        if (not choices or chunk.get("error")) and (report := report_in(chunk)) is not None:
            raise failure_for(report, excerpt(chunk))
        try:
            if choices:
                self._add_choice(deltas, choices[0], chunk)
            if usage := chunk.get("usage"):
                _add_usage(deltas, usage)
            elif not choices:
                _add_other_usage(deltas, chunk)
            if not choices:
                _add_sources(deltas, chunk)
            elif (citations := chunk.get("citations")) and citations != self._citations:  # mostly all, in each chunk
                self._citations = citations
                _add_sources(deltas, chunk)
        except TooManyCalls as error:
            raise UpstreamTooLarge(str(error)) from error
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise UpstreamGarbage(f"{error!r} in {excerpt(chunk)}") from error

    def _add_other(self, deltas: list[Delta], value: object) -> None:
        """A value that is no object: a list of chunks, a chunk that was encoded twice, the end marker, or nothing."""
        if isinstance(value, list) and len(value) <= MAX_LISTED and all(isinstance(item, dict) for item in value):
            for item in value:
                self._add_chunk(deltas, item)
        elif isinstance(value, str) and _END.fullmatch(value):
            deltas.append(Delta(FINISH, {"finish_reason": ""}))
        elif isinstance(value, str) and value.startswith("{"):
            for inner in _load_leniently(value.encode(errors="replace")):
                if isinstance(inner, dict):
                    self._add_chunk(deltas, inner)
        elif value is not None and not (isinstance(value, str) and _BETWEEN_VALUES.fullmatch(value)):
            raise UpstreamGarbage(f"not an object: {excerpt(value)}")

    def _add_choice(self, deltas: list[Delta], choice: dict[str, Any], chunk: dict[str, Any]) -> None:
        delta = choice.get("delta")
        if isinstance(delta, str):
            delta = {"content": delta}
        begin = len(deltas)
        if delta:
            add_delta(deltas, delta, self._calls)
        if len(deltas) == begin:
            self._add_message(deltas, choice)
        reason = choice.get("finish_reason", _ABSENT)
        if reason.__class__ is not str and reason is not None:
            reason = _unusual_reason(reason, (choice, delta, chunk))
        if deltas and not self._has_content:
            self._has_content = True
            if not reason:  # some servers send them with the beginning only
                _add_sources(deltas, chunk)
        if reason or not delta or "error" in choice:
            self._add_end(deltas, choice, chunk, reason)

    def _add_end(self, deltas: list[Delta], choice: dict[str, Any], chunk: dict[str, Any], reason: object) -> None:
        """What comes with the finish reason: an error in its place, sources and counts."""
        if (error := choice.get("error")) and (report := report_in({"error": error})) is not None:
            raise failure_for(report, excerpt(choice))
        if is_reason(reason):
            deltas.append(Delta(FINISH, {"finish_reason": text_of(reason)[:MAX_FINISH_REASON_CHARACTERS]}))
            _add_sources(deltas, chunk)
            _add_sources(deltas, choice)
            if not chunk.get("usage"):
                _add_other_usage(deltas, choice)
                _add_other_usage(deltas, chunk)

    def _add_message(self, deltas: list[Delta], choice: dict[str, Any]) -> None:
        """A whole message: an answer in one piece. After pieces it repeats all of them, but perhaps for the calls."""
        message = choice.get("message")
        if not self._has_content:
            add_delta(deltas, message or {"content": choice.get("text")}, self._calls)
        elif isinstance(message, dict) and not self._calls and (calls := message.get("tool_calls")):
            add_delta(deltas, {"tool_calls": calls}, self._calls)


def _plain_delta(chunk: Any) -> Delta | None:
    """The delta of a chunk that adds a piece of text or of reasoning and nothing else: nearly every one. Else None."""
    try:
        choice = chunk["choices"][0]
        delta = choice["delta"]
        if choice["finish_reason"] is not None or not PLAIN_FIELDS.issuperset(delta):
            return None
        kind, text = Kind.TEXT, delta.get("content")
        if reasoning := delta.get("reasoning_content") or delta.get("reasoning"):
            if text:
                return None
            kind, text = Kind.REASONING, reasoning
    except (AttributeError, IndexError, KeyError, TypeError):  # another shape
        return None
    if not text or text.__class__ is not str or "error" in choice:
        return None
    if chunk.get("usage") or chunk.get("error") or chunk.get("citations"):
        return None
    return Delta(kind, {"text": text.replace("\0", "\ufffd")})


def _unusual_reason(reason: object, places: tuple[object, ...]) -> object:
    """The finish reason in another form, or, if there is none in its place, in another place."""
    if reason is _ABSENT:
        found = (place.get(name) for place in places if isinstance(place, dict) for name in REASON_FIELDS)
        reason = next((value for value in found if isinstance(value, str | dict) and value), None)
    if isinstance(reason, list):
        reason = reason[0] if reason else None
    if isinstance(reason, dict):
        reason = reason.get("type") or reason.get("reason")
    return reason


def _wrapped(chunk: dict[str, Any]) -> dict[str, Any] | None:
    """The chunk within a gateway's envelope: {"code": 0, "data": {"choices": …}}."""
    found = (_decoded(chunk.get(name)) for name in WRAPPERS)
    return next((inner for inner in found if isinstance(inner, dict) and inner.get("choices")), None)


def _decoded(value: object) -> object:
    """The value of a text that is an object of JSON; any other value as it is."""
    try:
        return orjson.loads(value) if isinstance(value, str) and value.startswith("{") else value
    except ValueError:
        return value


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
    for kind, group in groupby(deltas, itemgetter(0)):
        if kind in (Kind.TEXT, Kind.REASONING):
            merged += _merge_texts(kind, [delta.data for delta in group])
        elif kind == Kind.TOOL:
            merged += _merge_tool_calls(group)
        elif kind == Kind.USAGE:
            counts: dict[str, int] = {}
            for delta in group:
                counts = merge_counts(counts, delta.data)
            merged.append(Delta(kind, counts))
        else:
            merged += group
    return merged


def _merge_texts(kind: str, texts: list[dict[str, Any]]) -> Iterator[Delta]:
    """A text and the refusal that follows it stay apart."""
    if not any("refusal" in data for data in texts):
        yield Delta(kind, {"text": "".join([data["text"] for data in texts])})
        return
    for is_refusal, group in groupby(texts, lambda data: "refusal" in data):
        text = "".join([data["text"] for data in group])
        yield Delta(kind, {"text": text, "refusal": True} if is_refusal else {"text": text})


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


def _load_leniently(payload: Payload) -> Iterator[object]:
    """Load JSON. In its strings broken UTF-8 becomes U+FFFD, and lone surrogates stay. NaN becomes null.

    Signs of life, comments and framing within the frame are passed over. Several values may stand in one payload: some
    servers forget what separates events. Raises UpstreamGarbage, or what words in the place of JSON report.
    """
    text, at = payload.decode(errors="replace"), 0
    while (at := _BETWEEN_VALUES.match(text, at).end()) < len(text):  # type: ignore[union-attr]
        if (end := _END.match(text, at)) is not None:
            yield DONE.decode()
            at = end.end()
            continue
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            if text[at] in "{[<\"'":
                raise _not_json(payload) from error
            words = excerpt(text[at:])
            raise failure_for(Report(storable(words)), words) from error
        if not isinstance(value, dict) and _BETWEEN_VALUES.fullmatch(text, at) is None:
            raise _not_json(payload)
        yield value


def _not_json(payload: Payload) -> UpstreamGarbage:
    return UpstreamGarbage(f"not JSON: {bytes(payload[:EXCERPT_CHARACTERS])!r}")


def _null(constant: str) -> None:
    """In the place of NaN and Infinity, which are not JSON."""


_DECODER = json.JSONDecoder(strict=False, parse_constant=_null)


def _replace_lone_surrogates(value: object) -> object:
    """In a text, put U+FFFD in the place of each lone surrogate."""
    if isinstance(value, dict):
        return {name: _replace_lone_surrogates(inner) for name, inner in value.items()}
    if not isinstance(value, str) or value.isascii():
        return value
    parts = (value[start : start + PIECE_CHARACTERS] for start in range(0, len(value), PIECE_CHARACTERS))
    return "".join([LONE_SURROGATE.sub("\ufffd", part) for part in parts])


def _add_sources(deltas: list[Delta], place: dict[str, Any]) -> None:
    if sources := sources_in(place):
        deltas.append(Delta(Kind.SOURCES, {"sources": sources}))


def _add_usage(deltas: list[Delta], usage: object) -> None:
    """Counts that cannot be read are none: the answer does not depend on them."""
    try:
        counts = counts_of(usage)
    except (TypeError, ValueError, OverflowError):
        return
    if counts is not None:
        deltas.append(Delta(Kind.USAGE, counts))


def _add_other_usage(deltas: list[Delta], place: dict[str, Any]) -> None:
    """Counts that do not stand in the chunk's `usage`: in the choice, as Groq's or as llama.cpp's."""
    extension = place.get("x_groq")
    inner = extension.get("usage") if isinstance(extension, dict) else None
    found = next((place[name] for name in ("usage", "usageMetadata", "usage_metadata") if place.get(name)), inner)
    found = found or place.get("timings")
    if isinstance(found, dict):
        _add_usage(deltas, found)
