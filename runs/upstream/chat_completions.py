"""The OpenAI-compatible protocol: chat completions as a stream of server-sent events."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from runs.errors import (
    ProviderMisconfigured,
    UpstreamDropped,
    UpstreamGarbage,
    UpstreamInterrupted,
    UpstreamSilent,
    UpstreamTooLarge,
    UpstreamUnreachable,
)
from runs.net.connection import Connection
from runs.net.errors import ConnectError, ProtocolError, ReadTimeout, ResponseTooLarge, ServerDisconnected
from runs.net.http1 import Client
from runs.net.loop_budget import LARGE_EVENT_BYTES, loop_budget
from runs.net.sse import EventParser, EventTooLarge, Payload
from runs.upstream.chunks import FINISH, MAX_TOOL_CALLS, Delta, parse, parse_large
from runs.upstream.failures import BODY_BYTES, EXCERPT_CHARACTERS, failure_of_response
from runs.upstream.request import UpstreamRequest
from streams.events import Kind

MAX_RESPONSE_BYTES = 64 * 1024 * 1024  # of one response, framing included; 1 million tokens
DONE = b"[DONE]"


class Sink(Protocol):
    """Where deltas go. `record` is called as they are received; nothing more is read while it `is_full`."""

    def record(self, deltas: list[Delta]) -> None: ...

    def is_full(self) -> bool: ...

    async def drain(self) -> None:
        """Wait until it is not full any more."""


async def stream(client: Client, request: UpstreamRequest, read_timeout: float, sink: Sink) -> None:
    """Send a request and record its answer in `sink`, up to the upstream's end marker.

    Being cancelled closes the connection. Raises the Upstream… errors of runs/errors.py.
    """
    headers = {"Accept": "text/event-stream", "Content-Type": "application/json", "User-Agent": "chatapp"}
    if request.key:
        headers["Authorization"] = f"Bearer {request.key}"
    reader = _AnswerReader(sink)
    try:
        url, proxy = request.url, _proxy_for(request.url)
        async with client.post(url, request.body, headers, read_timeout, MAX_RESPONSE_BYTES, proxy) as response:
            await _raise_for_response(response)
            request.drop_body()  # an answer that has begun is never requested again
            await response.read_body(reader.feed, sink.is_full, sink.drain)
    except ConnectError as error:
        raise UpstreamUnreachable(str(error)) from error
    except ReadTimeout as error:
        raise UpstreamSilent(str(error)) from error
    except ServerDisconnected as error:
        raise UpstreamDropped(str(error)) from error
    except ResponseTooLarge as error:
        raise UpstreamTooLarge(str(error)) from error
    except ProtocolError as error:
        if not reader.is_finished:
            raise UpstreamInterrupted(str(error)) from error
    if not reader.is_finished:
        raise UpstreamInterrupted("the connection closed before the end marker")


class _AnswerReader:
    """Turns the body of one response into deltas and records them."""

    __slots__ = ("_parser", "_sink", "_tool_calls", "is_finished")

    def __init__(self, sink: Sink) -> None:
        self._sink, self._parser = sink, EventParser()
        self._tool_calls: set[int] = set()  # the indexes so far
        self.is_finished = False  # a finish reason, or the end marker, was received

    def feed(self, piece: bytes) -> bool | Callable[[], Awaitable[bool]]:
        """Parse a piece of the body; true after the end marker.

        A large event takes longer (B68): then this returns a coroutine function that parses it.
        Raises UpstreamGarbage, UpstreamFailed, UpstreamTooLarge.
        """
        try:
            payloads = self._parser.feed(piece)
        except EventTooLarge as error:
            raise UpstreamTooLarge("an event larger than the limit") from error
        if not payloads:
            return False
        if len(payloads[0]) > LARGE_EVENT_BYTES:  # it was collected from many pieces; the others are all of this one
            return partial(self._feed_large, payloads)
        is_done = DONE in payloads
        deltas, failure = parse(payloads[: payloads.index(DONE)] if is_done else payloads)
        if deltas:
            self._sink.record(deltas)
            for kind, data in deltas:
                if kind == FINISH or kind == Kind.TOOL:
                    self._track(kind, data)
        if is_done:
            self.is_finished = True
        if failure is not None:
            raise failure
        return is_done

    async def _feed_large(self, payloads: list[Payload]) -> bool:
        """Parse in a thread, and record delta by delta with an iteration of the loop after each."""
        is_done = DONE in payloads
        before_end = payloads[: payloads.index(DONE)] if is_done else payloads
        deltas, failure = await loop_budget().run_in_thread(parse_large, before_end)
        for delta in deltas:
            self._sink.record([delta])
            self._track(*delta)
            await (self._sink.drain() if self._sink.is_full() else asyncio.sleep(0))
        self.is_finished = self.is_finished or is_done
        if failure is not None:
            raise failure
        return is_done

    def _track(self, kind: str, data: dict[str, Any]) -> None:
        if kind == FINISH:
            self.is_finished = True
        elif kind == Kind.TOOL:
            self._tool_calls.add(data["index"])
            if len(self._tool_calls) > MAX_TOOL_CALLS:
                raise UpstreamTooLarge(f"more than {MAX_TOOL_CALLS} tool calls")


def _proxy_for(url: str) -> str | None:
    """The URL of the proxy that the environment names for `url`. Raises ProviderMisconfigured if it is invalid."""
    parts = urlsplit(url)
    if proxy_bypass_environment(parts.hostname or ""):
        return None
    proxy = getproxies_environment().get(parts.scheme)
    if proxy is not None and not _is_proxy_url(proxy):  # the message leaves the URL out: it may hold a password
        raise ProviderMisconfigured(f"{parts.scheme}_proxy is not a URL such as http://proxy:3128")
    return proxy


def _is_proxy_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


async def _raise_for_response(response: Connection) -> None:
    """Raise for a response that is not a stream of events."""
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = response.headers.get("content-encoding", "identity")
    if 200 <= response.status < 300 and content_type == "text/event-stream" and encoding == "identity":
        return
    if 200 <= response.status < 300:
        excerpt = (await response.read_excerpt(EXCERPT_CHARACTERS)).decode(errors="replace")
        raise UpstreamGarbage(f"content type {content_type!r}, encoding {encoding}: {excerpt}")
    raise failure_of_response(response.status, response.headers, await response.read_excerpt(BODY_BYTES))
