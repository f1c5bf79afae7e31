"""The OpenAI-compatible protocol: chat completions as a stream of chunks."""

import json
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment

import aiohttp
import orjson

from runs.errors import (
    RunError,
    UpstreamFailed,
    UpstreamGarbage,
    UpstreamInterrupted,
    UpstreamNotFound,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamSilent,
    UpstreamUnauthorized,
    UpstreamUnavailable,
    UpstreamUnreachable,
)
from runs.prompts import UpstreamRequest
from runs.providers.sse import EventParser, EventTooLarge
from streams.events import Kind

CONNECT_SECONDS = 10.0  # s to reach the upstream
EXCERPT_CHARACTERS = 2_000  # of an upstream's error, for staff
DONE = b"[DONE]"
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


FINISH = "finish"  # {"finish_reason": str}


async def stream(
    client: aiohttp.ClientSession, request: UpstreamRequest, idle_seconds: float
) -> AsyncIterator[list[Delta]]:
    """Yield what the upstream says, one list for each read of the socket, until its end marker.

    Closing the iterator closes the connection. Raises the Upstream… errors of runs/errors.py.
    """
    headers = {"Accept": "text/event-stream", "Content-Type": "application/json"} | (
        {"Authorization": f"Bearer {request.key}"} if request.key else {}
    )
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=idle_seconds)
    try:
        async with client.post(
            request.url,
            data=orjson.dumps(request.payload),
            headers=headers,
            timeout=timeout,
            proxy=_proxy(request.url),
            allow_redirects=False,
        ) as response:
            await _check(response)
            async for deltas in _deltas(response):
                yield deltas
    except (aiohttp.ServerTimeoutError, TimeoutError) as error:
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            raise UpstreamUnreachable(repr(error)) from error
        raise UpstreamSilent(f"no byte for {idle_seconds} s") from error
    except aiohttp.ClientConnectorError as error:
        raise UpstreamUnreachable(str(error)) from error
    except aiohttp.InvalidURL as error:
        raise UpstreamUnreachable(f"not an address: {error}") from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise UpstreamInterrupted(repr(error)) from error


def _proxy(url: str) -> str | None:
    """The proxy the environment names for `url`. aiohttp's own look-up reads .netrc in a thread, which gevent hangs."""
    parts = urlsplit(url)
    if proxy_bypass_environment(parts.hostname or ""):
        return None
    return getproxies_environment().get(parts.scheme)


async def _check(response: aiohttp.ClientResponse) -> None:
    """Raise for anything that does not begin like an answer."""
    if response.status != 200:
        excerpt = (await response.content.read(EXCERPT_CHARACTERS)).decode(errors="replace")
        other = UpstreamFailed if response.status >= 500 else UpstreamRejected
        error = ERRORS_BY_STATUS.get(response.status, other)(f"HTTP {response.status}: {excerpt}")
        error.retry_after = _seconds(response.headers.get("Retry-After", ""))
        raise error
    if response.content_type != "text/event-stream":
        excerpt = (await response.content.read(EXCERPT_CHARACTERS)).decode(errors="replace")
        raise UpstreamGarbage(f"content type {response.content_type}: {excerpt}")


def _seconds(header: str) -> float | None:
    """A Retry-After in seconds; the form with a date is ignored, as what is no number."""
    return float(header) if header.strip().isdecimal() else None


async def _deltas(response: aiohttp.ClientResponse) -> AsyncIterator[list[Delta]]:
    parser, finished = EventParser(), False
    try:
        async for piece in response.content.iter_any():
            payloads = parser.feed(piece)
            done = DONE in payloads
            deltas, error = parse(payloads[: payloads.index(DONE)] if done else payloads)
            if deltas:
                finished = finished or any(delta.kind == FINISH for delta in deltas)
                yield deltas
            if error is not None:
                raise error
            if done:
                return
    except EventTooLarge as error:
        raise UpstreamGarbage("an event larger than the limit") from error
    except (aiohttp.ClientPayloadError, ConnectionError):
        if not finished:
            raise
    if not finished:
        raise UpstreamInterrupted("the connection closed before the end marker")


def parse(payloads: list[bytes]) -> tuple[list[Delta], RunError | None]:
    """The deltas in the payloads of one read, neighbours of one kind joined; and the error that comes after them."""
    deltas: list[Delta] = []
    try:
        for chunk in _load(payloads):
            _add_chunk(deltas, chunk)
    except RunError as error:
        return deltas, error
    return deltas, None


def _load(payloads: list[bytes]) -> Iterable[object]:
    """All payloads with one parse; one by one where that fails."""
    try:
        return orjson.loads(b"[%b]" % b",".join(payloads))
    except orjson.JSONDecodeError:
        return map(_load_leniently, payloads)


def _load_leniently(payload: bytes) -> object:
    """JSON whose strings may hold half of a surrogate pair or broken UTF-8: both become U+FFFD."""
    try:
        chunk = json.loads(payload.decode(errors="replace"))
        return orjson.loads(
            json.dumps(chunk, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
    except (ValueError, RecursionError) as error:
        raise UpstreamGarbage(f"not JSON: {payload[:EXCERPT_CHARACTERS]!r}") from error


def _add_chunk(deltas: list[Delta], chunk: object) -> None:
    """Raises UpstreamGarbage for what is not a chunk, UpstreamFailed for an error in a chunk's place."""
    if not isinstance(chunk, dict):
        raise UpstreamGarbage(f"not an object: {str(chunk)[:EXCERPT_CHARACTERS]}")
    if error := chunk.get("error"):
        raise UpstreamFailed(str(error)[:EXCERPT_CHARACTERS])
    try:
        for choice in (chunk.get("choices") or ())[:1]:
            _add_choice(deltas, choice)
        if usage := chunk.get("usage"):
            counts = {name: int(usage.get(name) or 0) for name in ("prompt_tokens", "completion_tokens")}
            deltas.append(Delta(Kind.USAGE, counts))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UpstreamGarbage(f"{error!r} in {str(chunk)[:EXCERPT_CHARACTERS]}") from error


def _add_choice(deltas: list[Delta], choice: dict) -> None:
    delta = choice.get("delta") or {}
    if text := delta.get("reasoning_content") or delta.get("reasoning"):
        _add_text(deltas, Kind.REASONING, text)
    if text := delta.get("content"):
        _add_text(deltas, Kind.TEXT, text)
    for call in delta.get("tool_calls") or ():
        deltas.append(Delta(Kind.TOOL, _tool_delta(call)))
    if reason := choice.get("finish_reason"):
        deltas.append(Delta(FINISH, {"finish_reason": str(reason)}))


def _add_text(deltas: list[Delta], kind: Kind, text: str) -> None:
    if not isinstance(text, str):
        raise TypeError("text is not a string")
    text = text.replace("\0", "\ufffd")  # PostgreSQL's text holds no NUL
    if deltas and deltas[-1].kind == kind:
        deltas[-1] = Delta(kind, {"text": deltas[-1].data["text"] + text})
    else:
        deltas.append(Delta(kind, {"text": text}))


def _tool_delta(call: dict) -> dict:
    function = call.get("function") or {}
    delta = {"index": int(call.get("index") or 0)}
    for name, value in (
        ("id", call.get("id")),
        ("name", function.get("name")),
        ("arguments", function.get("arguments")),
    ):
        if value:
            delta[name] = str(value)
    return delta
