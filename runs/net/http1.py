"""A POST to a model server over HTTP/1.1, for answers that come in a thousand small pieces.

A general client costs twice as much (docs/profile.md). TLS, names and sockets are the event loop's. One connection
(`line.py`) carries one answer at a time and is kept for the next one.
"""

import asyncio
import ssl
from base64 import b64encode
from functools import cached_property
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from runs.net.connection import Broken, Dropped, Line, Silent, TooLarge, Unreachable

CONNECT_SECONDS = 10.0  # s to reach the upstream
KEEP_LINES = 100  # idle connections kept to one upstream
PORTS = {"http": 80, "https": 443}
SAFE = "/%:=&~+!$,;@()*?'"  # characters that an address may already hold


class Place(NamedTuple):
    """Where a connection leads to."""

    scheme: str
    host: str
    port: int
    proxy: str | None


class Post:
    """One request, as `async with`: gives the line its response comes from, and closes or keeps that."""

    def __init__(
        self, client: "Client", place: Place, request: list[bytes], idle_seconds: float, max_bytes: int
    ) -> None:
        self._client, self._place, self._request = client, place, request
        self._idle_seconds, self._max_bytes = idle_seconds, max_bytes

    async def __aenter__(self) -> Line:
        """Send the request, once: a server that took it may have begun to work on it (B65).

        It may close an idle connection in the moment when that is used again. What had come by then is noticed before
        anything is written; what comes later is an attempt that failed, and the caller decides about another one.
        """
        self._line = self._client.kept(self._place) or await self._client.connect(self._place)
        request, self._request = self._request, []
        try:
            await self._line.ask(request, self._idle_seconds, self._max_bytes)
        except BaseException as error:
            self._line.close()
            if isinstance(error, Dropped):
                self._client.forget(self._place)
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

    def post(
        self,
        url: str,
        body: bytes,
        headers: dict[str, str],
        idle_seconds: float,
        max_bytes: int,
        proxy: str | None,
    ) -> Post:
        """Raises Unreachable for what is no address; when entered, also Broken, Silent and TooLarge."""
        try:
            parts = urlsplit(url)
            place = Place(parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme], proxy)
            if not place.host:
                raise ValueError("no host")
            request = [_head(parts, place, body, headers), body]
        except (KeyError, ValueError) as error:
            raise Unreachable(f"not an address or header: {error!r}") from error
        return Post(self, place, request, idle_seconds, max_bytes)

    def kept(self, place: Place) -> Line | None:
        """An idle connection to `place`, which has not ended as far as can be known."""
        lines = self._kept.get(place, [])
        while lines:
            if (line := lines.pop()).is_open:
                if line.is_idle:
                    return line
                line.close()
        return None

    def forget(self, place: Place) -> None:
        """Keep no connection to `place`: where one was closed, the others are about to be."""
        for line in self._kept.pop(place, []):
            line.close()

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
        except (OSError, UnicodeError, Broken, Silent, TooLarge) as error:
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
            await line.ask([_encoded(head)], CONNECT_SECONDS)
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


def _head(parts: SplitResult, place: Place, body: bytes, headers: dict[str, str]) -> bytes:
    authority = _bracketed(place.host) + ("" if place.port == PORTS[place.scheme] else f":{place.port}")
    target = quote(parts.path or "/", safe=SAFE) + (f"?{quote(parts.query, safe=SAFE)}" if parts.query else "")
    head = [f"Host: {authority}", "Accept-Encoding: identity", f"Content-Length: {len(body)}"]
    if place.proxy and place.scheme == "http":  # a proxy is told the whole address
        target = f"http://{authority}{target}"
        head += _credentials(urlsplit(place.proxy), "Proxy-Authorization")
    if "Authorization" not in headers:
        head += _credentials(parts, "Authorization")
    return _encoded([f"POST {target} HTTP/1.1", *head, *(f"{name}: {value}" for name, value in headers.items())])


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
