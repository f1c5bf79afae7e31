"""The OpenAI-compatible protocol: chat completions as a stream of chunks."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment

import orjson

from runs.errors import (
    ProviderMisconfigured,
    RunError,
    UpstreamDropped,
    UpstreamFailed,
    UpstreamGarbage,
    UpstreamInterrupted,
    UpstreamNotFound,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamSilent,
    UpstreamTooLarge,
    UpstreamUnauthorized,
    UpstreamUnavailable,
    UpstreamUnreachable,
)
from runs.net.connection import Broken, Dropped, Line, Silent, TooLarge, Unreachable
from runs.net.http1 import Client
from runs.net.loop_budget import HEAVY_BYTES, lane
from runs.net.sse import EventParser, EventTooLarge
from runs.upstream.request import UpstreamRequest
from streams.events import Kind

MAX_ANSWER_BYTES = 64 * 1024 * 1024  # of one response, HTTP's framing and all; 1 million tokens
MAX_CALLS = 256  # tool calls in one answer: readers look each of them up among all
MAX_VALUES = 100_000  # in a large event
PIECE_CHARACTERS = 32 * 1024  # of a large delta in one event
EXCERPT_CHARACTERS = 2_000  # of an upstream's error, for staff
DONE = b"[DONE]"
HALF_OF_A_PAIR = re.compile("[\ud800-\udfff]")  # whole pairs are one character
ERRORS_BY_STATUS = {
    401: UpstreamUnauthorized,
    403: UpstreamUnauthorized,
    404: UpstreamNotFound,
    429: UpstreamRateLimited,
    502: UpstreamUnavailable,
    503: UpstreamUnavailable,
    504: UpstreamUnavailable,
}


class Delta(NamedTuple):
    """One thing the upstream said: an event to be, or the reason why it finished."""

    kind: str  # of Kind, or FINISH
    data: dict


MAX_COUNT = 2**31 - 1
MAX_NAME_CHARACTERS = 100  # of a finish reason
MAX_TOOL_CHARACTERS = 4_000  # of a tool call's id and of its name

FINISH = "finish"  # {"finish_reason": str}


class Sink(Protocol):
    """Where deltas go. `record` is called as they are received; nothing is read while it `is_full`."""

    def record(self, deltas: list[Delta]) -> None: ...

    def is_full(self) -> bool: ...

    async def room(self) -> None:
        """Wait until it is not full any more."""


async def stream(client: Client, request: UpstreamRequest, idle_seconds: float, sink: Sink) -> None:
    """Have `sink` record what the upstream says, until its end marker.

    Being cancelled closes the connection. Raises the Upstream… errors of runs/errors.py.
    """
    headers = {"Accept": "text/event-stream", "Content-Type": "application/json", "User-Agent": "chatapp"}
    if request.key:
        headers["Authorization"] = f"Bearer {request.key}"
    answer = _Answer(sink)
    try:
        url, proxy = request.url, _proxy(request.url)
        async with client.post(url, request.body, headers, idle_seconds, MAX_ANSWER_BYTES, proxy) as response:
            await _check(response)
            request.let_go()  # what comes now is not asked for again
            await response.read(answer.feed, sink.is_full, sink.room)
    except Unreachable as error:
        raise UpstreamUnreachable(str(error)) from error
    except Silent as error:
        raise UpstreamSilent(str(error)) from error
    except Dropped as error:
        raise UpstreamDropped(str(error)) from error
    except TooLarge as error:
        raise UpstreamTooLarge(str(error)) from error
    except Broken as error:
        if not answer.is_finished:
            raise UpstreamInterrupted(str(error)) from error
    if not answer.is_finished:
        raise UpstreamInterrupted("the connection closed before the end marker")


class _Answer:
    """One response's body on its way to the sink."""

    __slots__ = ("_calls", "_parser", "_sink", "is_finished")

    def __init__(self, sink: Sink) -> None:
        self._sink, self._parser = sink, EventParser()
        self._calls: set[int] = set()  # indexes of the tool calls so far
        self.is_finished = False  # a reason to finish, or the end marker, has come

    def feed(self, piece: bytes) -> bool | Callable[[], Awaitable[bool]]:
        """Take what was read; true after the end marker. Raises UpstreamGarbage, -Failed, -TooLarge.

        A large event takes longer (B68), so that is to be waited for.
        """
        try:
            payloads = self._parser.feed(piece)
        except EventTooLarge as error:
            raise UpstreamTooLarge("an event larger than the limit") from error
        if not payloads:
            return False
        if len(payloads[0]) > HEAVY_BYTES:  # it was collected from many pieces; the others are all of this one
            return partial(self._take_heavy, payloads)
        is_done = DONE in payloads
        deltas, error = parse(payloads[: payloads.index(DONE)] if is_done else payloads)
        if deltas:
            self._sink.record(deltas)
            for kind, data in deltas:
                if kind == FINISH or kind == Kind.TOOL:
                    self._note(kind, data)
        if is_done:
            self.is_finished = True
        if error is not None:
            raise error
        return is_done

    async def _take_heavy(self, payloads: list[bytes]) -> bool:
        """As `feed`, but parsed beside the loop, and recorded piece by piece with a turn of the loop after each."""
        is_done = DONE in payloads
        deltas, error = await lane().alone(_parse_in_pieces, payloads[: payloads.index(DONE)] if is_done else payloads)
        for delta in deltas:
            self._sink.record([delta])
            self._note(*delta)
            await (self._sink.room() if self._sink.is_full() else asyncio.sleep(0))
        self.is_finished = self.is_finished or is_done
        if error is not None:
            raise error
        return is_done

    def _note(self, kind: str, data: dict) -> None:
        if kind == FINISH:
            self.is_finished = True
        elif kind == Kind.TOOL:
            self._count_call(data["index"])

    def _count_call(self, index: int) -> None:
        self._calls.add(index)
        if len(self._calls) > MAX_CALLS:
            raise UpstreamTooLarge(f"more than {MAX_CALLS} tool calls")


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for `url`. Raises ProviderMisconfigured for what is no address."""
    parts = urlsplit(url)
    if proxy_bypass_environment(parts.hostname or ""):
        return None
    proxy = getproxies_environment().get(parts.scheme)
    if proxy is not None and not _is_proxy(proxy):  # said without the address: there may be a password in it
        raise ProviderMisconfigured(f"{parts.scheme}_proxy is no address such as http://proxy:3128")
    return proxy


def _is_proxy(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


async def _check(response: Line) -> None:
    """Raise for anything that does not begin like an answer."""
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = response.headers.get("content-encoding", "identity")
    if response.status == 200 and content_type == "text/event-stream" and encoding == "identity":
        return
    excerpt = (await response.excerpt(EXCERPT_CHARACTERS)).decode(errors="replace")
    if response.status == 200:
        raise UpstreamGarbage(f"content type {content_type!r}, encoding {encoding}: {excerpt}")
    other = UpstreamFailed if response.status >= 500 else UpstreamRejected
    error = ERRORS_BY_STATUS.get(response.status, other)(f"HTTP {response.status}: {excerpt}")
    error.retry_after = _seconds(response.headers.get("retry-after", ""))
    raise error


def _seconds(header: str) -> float | None:
    """A Retry-After in seconds; the form with a date is ignored, as what is no number."""
    return float(header) if header.strip().isdecimal() else None


def parse(payloads: list[bytes]) -> tuple[list[Delta], RunError | None]:
    """The deltas in the payloads of one read, neighbours of one kind joined; and the error that comes after them."""
    deltas: list[Delta] = []
    failure = None
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
        deltas = [Delta(kind, {name: _without_halves(value) for name, value in data.items()}) for kind, data in deltas]
    return (deltas if len(deltas) < 2 else _joined(deltas)), failure


def _parse_in_pieces(payloads: list[bytes]) -> tuple[list[Delta], RunError | None]:
    """As `parse`, for payloads of which the first is large: no step takes long, for each keeps the interpreter."""
    if _is_crowded(payloads[0]):
        return [], UpstreamTooLarge(f"an event of more than {MAX_VALUES} values")
    deltas, failure = parse(payloads)
    return [Delta(kind, data) for kind, whole in deltas for data in pieces_of(whole)], failure


def _is_crowded(payload: bytes) -> bool:
    """Whether it has more values than are parsed in a moment: those of a million lists take half a second."""
    if _count_values(payload) <= MAX_VALUES:
        return False
    plain = payload.replace(rb"\\", b"").replace(rb"\"", b"")
    if plain.count(b'"') > 4 * (MAX_VALUES + 1):  # two for a name, two for a value
        return True
    return _count_values(b"".join(plain.split(b'"')[::2])) > MAX_VALUES


def _count_values(payload: bytes) -> int:
    """At least so many does it have, if it is JSON without its strings."""
    return payload.count(b",") + payload.count(b"[") + payload.count(b"{")


def pieces_of(data: dict) -> Iterator[dict]:
    """A delta's data as that of several, which fold to the same."""
    name = "text" if "text" in data else "arguments"
    text = data.get(name, "")
    if len(text) <= PIECE_CHARACTERS:
        yield data
        return
    for start in range(0, len(text), PIECE_CHARACTERS):
        yield data | {name: text[start : start + PIECE_CHARACTERS]}
        data = {"index": data["index"]} if "index" in data else {}


def _joined(deltas: list[Delta]) -> list[Delta]:
    """Fewer deltas that say the same; each piece of text is copied once, however many there are."""
    joined: list[Delta] = []
    for kind, group in groupby(deltas, attrgetter("kind")):
        if kind in (Kind.TEXT, Kind.REASONING):
            joined.append(Delta(kind, {"text": "".join([delta.data["text"] for delta in group])}))
        elif kind == Kind.TOOL:
            joined += _joined_calls(group)
        elif kind == Kind.USAGE:
            joined.append([*group][-1])  # counts are of the whole answer so far
        else:
            joined += group
    return joined


def _joined_calls(deltas: Iterable[Delta]) -> Iterator[Delta]:
    """What only goes on with the arguments of the call before it is joined to that."""
    last: dict = {}
    arguments: list[str] = []
    for _, data in deltas:
        if last and data["index"] == last["index"] and "id" not in data and "name" not in data:
            arguments.append(data.get("arguments", ""))
            continue
        if last:
            yield _call(last, arguments)
        last, arguments = data, [data.get("arguments", "")]
    yield _call(last, arguments)


def _call(data: dict, arguments: list[str]) -> Delta:
    return Delta(Kind.TOOL, data if len(arguments) == 1 else data | {"arguments": "".join(arguments)})


def _load_leniently(payload: bytes) -> object:
    """JSON whose strings may hold broken UTF-8, which becomes U+FFFD, and halves of surrogate pairs, which stay."""
    try:
        return json.loads(payload.decode(errors="replace"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UpstreamGarbage(f"not JSON: {bytes(payload[:EXCERPT_CHARACTERS])!r}") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _without_halves(value: object) -> object:
    """A text with U+FFFD in the place of each half of a surrogate pair."""
    if not isinstance(value, str) or value.isascii():
        return value
    parts = (value[start : start + PIECE_CHARACTERS] for start in range(0, len(value), PIECE_CHARACTERS))
    return "".join([HALF_OF_A_PAIR.sub("\ufffd", part) for part in parts])


def _excerpt(value: object) -> str:
    """For staff. Python's own form of a large value takes a second to print, and of a deep one it fails."""
    if isinstance(value, str):
        return value[:EXCERPT_CHARACTERS].encode(errors="replace").decode()
    try:
        return orjson.dumps(value)[: 4 * EXCERPT_CHARACTERS].decode(errors="replace")[:EXCERPT_CHARACTERS]
    except TypeError:  # orjson's for what is nested too deeply, and for halves of surrogate pairs
        return f"JSON that cannot be shown ({type(value).__name__})"


def _add_chunk(deltas: list[Delta], chunk: object) -> None:
    """Raises UpstreamGarbage for what is not a chunk, UpstreamFailed for an error in a chunk's place."""
    if not isinstance(chunk, dict):
        raise UpstreamGarbage(f"not an object: {_excerpt(chunk)}")
    if error := chunk.get("error"):
        raise UpstreamFailed(_excerpt(error))
    try:
        if choices := chunk.get("choices"):
            _add_choice(deltas, choices[0])
        if usage := chunk.get("usage"):
            counts = {name: _count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens")}
            deltas.append(Delta(Kind.USAGE, counts))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise UpstreamGarbage(f"{error!r} in {_excerpt(chunk)}") from error


def _add_choice(deltas: list[Delta], choice: dict) -> None:
    delta = choice.get("delta") or {}
    if text := delta.get("reasoning_content") or delta.get("reasoning"):
        _add_text(deltas, Kind.REASONING, text)
    if text := delta.get("content"):
        _add_text(deltas, Kind.TEXT, text)
    calls = delta.get("tool_calls") or ()
    if len(calls) > MAX_CALLS:
        raise ValueError(f"more than {MAX_CALLS} tool calls")
    for call in calls:
        deltas.append(Delta(Kind.TOOL, _tool_delta(call)))
    if reason := choice.get("finish_reason"):
        deltas.append(Delta(FINISH, {"finish_reason": _text(reason)[:MAX_NAME_CHARACTERS]}))


def _add_text(deltas: list[Delta], kind: Kind, text: str) -> None:
    if not isinstance(text, str):
        raise TypeError("text is not a string")
    deltas.append(Delta(kind, {"text": text.replace("\0", "\ufffd")}))


def _tool_delta(call: dict) -> dict:
    function = call.get("function") or {}
    delta = {"index": _count(call.get("index"))}
    for name, value in (
        ("id", call.get("id")),
        ("name", function.get("name")),
        ("arguments", function.get("arguments")),
    ):
        if value:
            delta[name] = _text(value)
    if max(len(delta.get("id", "")), len(delta.get("name", ""))) > MAX_TOOL_CHARACTERS:
        raise ValueError("a tool call with so long a name")
    return delta


def _text(value: object) -> str:
    """A string, or a number in its place, without what PostgreSQL's text cannot hold. Raises TypeError for others."""
    if isinstance(value, int):
        value = str(value)
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} in the place of a string")
    return value.replace("\0", "\ufffd")


def _count(value: object) -> int:
    """A number as an upstream means it, within what a column holds."""
    return min(max(int(value or 0), 0), MAX_COUNT)
