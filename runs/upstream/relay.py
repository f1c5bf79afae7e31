"""Requests of programs that are passed on as they are, and their responses: embeddings, plain completions.

Runs in the event loop of a web process. Such a request has no run: nothing of it is stored, and it ends with its
client.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import orjson
from django.conf import settings

from runs.errors import TimeLimit, UpstreamGarbage, UpstreamTooLarge
from runs.models import Model
from runs.net.connection import BodyConsumer
from runs.net.http1 import Client
from runs.net.inflate import Inflater
from runs.net.proxies import proxy_for
from runs.net.sse import DONE, EventParser, EventTooLarge, Payload
from runs.upstream.exchange import (
    encoding_of,
    raise_for_response,
    request_headers,
    required_key,
    upstream_errors,
    url_of,
)
from runs.upstream.failures.classify import BODY_BYTES, failure_for
from runs.upstream.failures.report import report_in
from runs.upstream.profiles.profile import profile_of

MAX_WHOLE_BYTES = 48 * 1024 * 1024  # of a response that is kept until it is complete: 2,048 vectors of 3,072 in base64
MAX_STREAM_BYTES = 64 * 1024 * 1024  # of a stream, framing included
BUFFER_BYTES = 64 * 1024  # of a stream, read ahead of its client
REPLACED_KEY = b"[key]"


class RelayedRequest(NamedTuple):
    """A request to pass on. `key` is a secret."""

    url: str
    body: bytes
    key: str | None


def prepare_relay(model: Model, path: str, payload: Mapping[str, Any], *, with_defaults: bool) -> RelayedRequest:
    """The request to `path` of the model's provider, in the model's name there.

    `with_defaults`: with the parameters that staff have set for the model and its server, where the payload has none.
    Raises ProviderKeyMissing, ProviderKeyForbidden.
    """
    key = required_key(model.provider)
    own = {**profile_of(model).body, **model.parameters} if with_defaults else {}
    body = orjson.dumps({**own, **payload, "model": model.upstream_id})
    return RelayedRequest(url_of(model.provider, path), body, key)


async def fetch_whole(request: RelayedRequest) -> bytes:
    """The body of the response: JSON, as far as its beginning shows. Being cancelled closes the connection.

    Raises the Upstream… errors of runs/errors.py.
    """
    pieces: list[bytes] = []

    def consume(piece: bytes) -> bool:
        pieces.append(piece)
        return False

    await _exchange(request, "application/json", MAX_WHOLE_BYTES, consume)
    body = b"".join(pieces)
    if not body.lstrip()[:1] == b"{":
        raise UpstreamGarbage(f"not a JSON object: {body[:200]!r}")
    if len(body) <= BODY_BYTES:
        _raise_if_error(body)
    return _without_key(body, request.key)


class RelayedStream:
    """The payloads of a stream of server-sent events, read no further ahead than BUFFER_BYTES."""

    def __init__(self, request: RelayedRequest) -> None:
        self._key = request.key
        self._parser = EventParser()
        self._payloads: list[bytes] = []
        self._bytes, self._has_begun = 0, False
        self._arrived, self._drained = asyncio.Event(), asyncio.Event()
        self._task = asyncio.ensure_future(self._read(request))
        self._task.add_done_callback(lambda task: self._arrived.set())

    async def wait(self, seconds: float) -> bool:
        """Wait until there is something to take, the stream's end included. False: nothing came in this time."""
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    def take(self) -> list[bytes]:
        """What has arrived since; nothing at the end of the stream. Raises Upstream… errors once all is taken."""
        payloads, self._payloads, self._bytes = self._payloads, [], 0
        if not self._task.done():
            self._arrived.clear()
        elif not payloads:
            self._task.result()
        self._drained.set()
        return payloads

    @property
    def has_failed(self) -> bool:
        """Whether it failed before its first event."""
        return self._task.done() and not self._has_begun and self._task.exception() is not None

    def cancel(self) -> None:
        """Close the connection. May be called from any thread, and again."""
        loop = self._task.get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._task.cancel)

    async def _read(self, request: RelayedRequest) -> None:
        await _exchange(request, "text/event-stream", MAX_STREAM_BYTES, self._feed, self._is_full, self._drain)
        try:
            self._add(self._parser.finish())
        except EventTooLarge as error:
            raise UpstreamTooLarge("an event is too large") from error
        if not self._has_begun:
            if unknown := self._parser.unknown:
                _raise_if_error(unknown)
            raise UpstreamGarbage(f"not a stream of events: {self._parser.unknown[:200]!r}")

    def _feed(self, piece: bytes) -> bool:
        try:
            payloads = self._parser.feed(piece)
        except EventTooLarge as error:
            raise UpstreamTooLarge("an event is too large") from error
        self._add(payloads)
        if self._parser.error is not None:
            _raise_if_error(bytes(self._parser.error), is_error=True)
        return bool(payloads) and payloads[-1] == DONE

    def _add(self, payloads: list[Payload]) -> None:
        for payload in payloads:
            if not self._has_begun and len(payload) <= BODY_BYTES:
                _raise_if_error(bytes(payload))
            self._has_begun = True
            self._payloads.append(_without_key(bytes(payload), self._key))
            self._bytes += len(payload)
        if payloads:
            self._arrived.set()

    def _is_full(self) -> bool:
        return self._bytes > BUFFER_BYTES

    async def _drain(self) -> None:
        self._drained.clear()
        while self._is_full():
            await self._drained.wait()
            self._drained.clear()


async def _exchange(
    request: RelayedRequest,
    accept: str,
    max_bytes: int,
    consume: BodyConsumer,
    is_full: Callable[[], bool] = bool,
    drain: Callable[[], Awaitable[object]] | None = None,
) -> None:
    """Send the request, and pass the body of its response to `consume`. Raises the Upstream… errors."""
    headers, url, silence = request_headers(request.key, accept), request.url, settings.RUN_IDLE_SECONDS
    with upstream_errors():
        try:
            proxy = proxy_for(url)
            async with (
                asyncio.timeout(settings.RUN_MAX_SECONDS),
                _client().post(url, request.body, headers, silence, max_bytes, proxy) as response,
            ):
                await raise_for_response(response)
                if (encoding := encoding_of(response)) != "identity":
                    consume = Inflater(encoding, consume, max_bytes, is_full, drain).feed
                await response.read_body(consume, is_full, drain)
        except TimeoutError:
            raise TimeLimit from None


def _raise_if_error(body: bytes, is_error: bool = False) -> None:
    """Raise for a body that is an error although its status is not."""
    if body == DONE:
        return
    try:
        report = report_in(orjson.loads(body), is_error)
    except ValueError as error:
        raise UpstreamGarbage(f"not JSON: {body[:200]!r}") from error
    if report is not None:
        raise failure_for(report)


def _without_key(body: bytes, key: str | None) -> bytes:
    """A server may repeat what it was sent."""
    return body.replace(key.encode(), REPLACED_KEY) if key else body


_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Client] = WeakKeyDictionary()


def _client() -> Client:
    """The running loop's client, which pools its connections."""
    loop = asyncio.get_running_loop()
    if (client := _clients.get(loop)) is None:
        client = _clients[loop] = Client()
    return client
