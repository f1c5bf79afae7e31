"""A POST to a model server over HTTP/1.1, for answers that come in a thousand small pieces.

What is received is handed on in the very call that received it: no task wakes up for a piece, and a run's task sleeps
until its answer has ended. That is half of what a general client costs (docs/profile.md). The protocol is parsed by
httptools; TLS, names and sockets are the event loop's. One connection carries one answer at a time and is kept for the
next one.
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

import httptools

CONNECT_SECONDS = 10.0  # s to reach the upstream
HEAD_BYTES = 64 * 1024  # of a response's head; more is no head
KEEP_SECONDS = 15.0  # s an idle connection is kept; servers close theirs after 60 s or more
KEEP_LINES = 100  # idle connections kept to one upstream
PORTS = {"http": 80, "https": 443}
SAFE = "/%:=&~+!$,;@()*?'"  # characters that an address may already hold


class Unreachable(Exception):
    """No connection could be made."""


class Broken(Exception):
    """The connection ended too early, or what came over it is not HTTP."""


class Silent(Exception):
    """Nothing came for too long."""


class Place(NamedTuple):
    """Where a connection leads to."""

    scheme: str
    host: str
    port: int
    proxy: str | None


class Line(asyncio.Protocol):
    """One connection, and the response that is read from it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._alarm: asyncio.TimerHandle | None = None
        self.is_open = False
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.status, self.headers = 0, {}
        self._has_head = self._is_complete = self._may_stay = self._is_over = self._is_paused = False
        self._failure: Exception | None = None
        self._pieces: list[bytes] = []
        self._feed: Callable[[bytes], bool] | None = None
        self._is_full: Callable[[], bool] = bool
        self._turn: asyncio.Future | None = None
        self._head_bytes = 0
        self._heard = self._loop.time()

    # -- one request ------------------------------------------------------------------------------

    async def ask(self, request: bytes, idle_seconds: float) -> None:
        """Send a request and wait for the head of its response. Raises Broken, Silent."""
        self._begin()
        self._idle_seconds = idle_seconds
        self._set_alarm(idle_seconds, self._look)
        self.transport.write(request)
        while not (self._has_head or self._is_over):
            await self._wait()
        if not self._has_head:
            raise self._failure or Broken("no answer")

    async def read(
        self,
        feed: Callable[[bytes], bool],
        is_full: Callable[[], bool] = bool,
        room: Callable[[], Awaitable] | None = None,
    ) -> None:
        """Give `feed` the body, piece by piece, to its end or until `feed` returns true.

        Where `is_full` says so, nothing more is read from the socket before `room` has been waited for.
        Raises what `feed` raises, Broken, Silent.
        """
        self._feed, self._is_full = feed, is_full
        self._hand_on()
        while not self._is_over:
            if self._is_paused:
                await room()
                self._is_paused, self._heard = False, self._loop.time()
                self.transport.resume_reading()
            else:
                await self._wait()
        if self._failure is not None:
            raise self._failure

    async def excerpt(self, limit: int) -> bytes:
        """The first `limit` bytes of the body."""
        parts: list[bytes] = []

        def feed(piece: bytes) -> bool:
            parts.append(piece)
            return sum(map(len, parts)) >= limit

        try:
            await self.read(feed)
        except (Broken, Silent):
            pass
        return b"".join(parts)[:limit]

    @property
    def is_reusable(self) -> bool:
        return self.is_open and self._is_complete and self._may_stay

    def keep(self) -> None:
        """Nobody needs this connection now."""
        self._feed = None
        self._set_alarm(KEEP_SECONDS, self.close)

    def close(self) -> None:
        self._set_alarm(None, None)
        self.is_open = False
        self.transport.abort()

    async def _wait(self) -> None:
        self._turn = self._loop.create_future()
        await self._turn

    def _wake(self) -> None:
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)

    def _end(self, failure: Exception | None) -> None:
        if not self._is_over:
            self._is_over, self._failure = True, failure
            self._wake()

    def _hand_on(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces:
            try:
                if self._feed(pieces[0] if len(pieces) == 1 else b"".join(pieces)):
                    self._end(None)
            except Exception as error:
                self._end(error)
        if self._is_complete:
            self._end(None)
        elif self._is_full() and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()
            self._wake()

    def _set_alarm(self, seconds: float | None, then: Callable | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None if seconds is None else self._loop.call_later(seconds, then)

    def _look(self) -> None:
        """One timer looks how long it has been silent; one for each piece would cost as much as its parsing."""
        left = self._heard + self._idle_seconds - self._loop.time()
        if self._is_paused:
            left = self._idle_seconds
        if left <= 0:
            self._end(Silent(f"no byte for {self._idle_seconds} s"))
        else:
            self._set_alarm(left, self._look)

    # -- asyncio.Protocol -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport, self.is_open = transport, True

    def data_received(self, data: bytes) -> None:
        if self._is_over:
            return
        self._heard = self._loop.time()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._end(Broken(repr(error)))
            return
        if self._feed is not None:
            self._hand_on()
        elif not self._has_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._end(Broken("the head of the response is too large"))

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        self._end(Broken(repr(error) if error else "the connection was closed"))

    # -- httptools --------------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:  # before it, an upstream may say "100 Continue"
            self.status, self._has_head = status, True
            self._wake()

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        self._is_complete, self._may_stay = self._has_head, self._parser.should_keep_alive()


class Post:
    """One request, as `async with`: gives the line its response comes from, and closes or keeps that."""

    def __init__(self, client: "Client", place: Place, request: bytes, idle_seconds: float) -> None:
        self._client, self._place, self._request, self._idle_seconds = client, place, request, idle_seconds

    async def __aenter__(self) -> Line:
        self._line = self._client.kept(self._place)
        if self._line is not None:
            try:
                return await self._ask()
            except Broken:  # a server may close an idle connection in the moment when it is used again
                self._line = None
        self._line = await self._client.connect(self._place)
        return await self._ask()

    async def _ask(self) -> Line:
        try:
            await self._line.ask(self._request, self._idle_seconds)
        except BaseException:
            self._line.close()
            raise
        return self._line

    async def __aexit__(self, *_: object) -> None:
        if self._line.is_reusable:
            self._client.keep(self._place, self._line)
        else:
            self._line.close()


class Client:
    """The connections of one event loop."""

    def __init__(self) -> None:
        self._kept: dict[Place, list[Line]] = {}

    def post(self, url: str, body: bytes, headers: dict[str, str], idle_seconds: float, proxy: str | None) -> Post:
        """Raises Unreachable for what is no address; when entered, also Broken and Silent."""
        try:
            parts = urlsplit(url)
            place = Place(parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme], proxy)
            if not place.host:
                raise ValueError("no host")
            request = _request(parts, place, body, headers)
        except (KeyError, ValueError) as error:
            raise Unreachable(f"not an address or header: {error!r}") from error
        return Post(self, place, request, idle_seconds)

    def kept(self, place: Place) -> Line | None:
        """An idle connection to `place`."""
        lines = self._kept.get(place, [])
        while lines:
            if (line := lines.pop()).is_open:
                return line
        return None

    def keep(self, place: Place, line: Line) -> None:
        lines = [line for line in self._kept.get(place, []) if line.is_open]
        self._kept[place] = lines
        if len(lines) < KEEP_LINES:
            line.keep()
            lines.append(line)
        else:
            line.close()

    def close(self) -> None:
        for lines in self._kept.values():
            for line in lines:
                line.close()

    async def connect(self, place: Place) -> Line:
        """A new connection. Raises Unreachable."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await (self._connect_by(place) if place.proxy else self._connect(place))
        except (OSError, UnicodeError, Broken, Silent) as error:
            raise Unreachable(repr(error)) from error

    async def _connect(self, place: Place) -> Line:
        tls = self._tls if place.scheme == "https" else None
        return (await asyncio.get_running_loop().create_connection(Line, place.host, place.port, ssl=tls))[1]

    async def _connect_by(self, place: Place) -> Line:
        """Through a proxy: TLS is ours from end to end, in a tunnel."""
        proxy = urlsplit(place.proxy)
        port = proxy.port or PORTS[proxy.scheme]
        line = await self._connect(Place(proxy.scheme, proxy.hostname or "", port, None))
        if place.scheme == "http":
            return line
        try:
            target = f"{_bracketed(place.host)}:{place.port}"
            head = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *_credentials(proxy, "Proxy-Authorization")]
            await line.ask(_encoded(head), CONNECT_SECONDS)
            if line.status != 200:
                raise Unreachable(f"the proxy answered HTTP {line.status}")
            loop = asyncio.get_running_loop()
            line.transport = await loop.start_tls(line.transport, line, self._tls, server_hostname=place.host)
        except BaseException:
            line.close()
            raise
        return line

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Reading all certificates takes 100 ms. SSL_CERT_FILE names others than the system's."""
        return ssl.create_default_context()


def _request(parts: SplitResult, place: Place, body: bytes, headers: dict[str, str]) -> bytes:
    authority = _bracketed(place.host) + ("" if place.port == PORTS[place.scheme] else f":{place.port}")
    target = quote(parts.path or "/", safe=SAFE) + (f"?{quote(parts.query, safe=SAFE)}" if parts.query else "")
    head = [f"Host: {authority}", "Accept-Encoding: identity", f"Content-Length: {len(body)}"]
    if place.proxy and place.scheme == "http":  # a proxy is told the whole address
        target = f"http://{authority}{target}"
        head += _credentials(urlsplit(place.proxy), "Proxy-Authorization")
    if "Authorization" not in headers:
        head += _credentials(parts, "Authorization")
    return _encoded([f"POST {target} HTTP/1.1", *head, *(f"{name}: {value}" for name, value in headers.items())]) + body


def _encoded(lines: list[str]) -> bytes:
    """Raises ValueError for a line that would be two."""
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break in a header")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _credentials(parts: SplitResult, header: str) -> list[str]:
    if parts.username is None:
        return []
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return [f"{header}: Basic {b64encode(pair.encode()).decode()}"]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
