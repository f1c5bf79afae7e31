"""An HTTP/1.1 client for one kind of request: a POST whose response arrives in a thousand small pieces.

A general client costs twice as much (docs/profile.md). TLS, name resolution and sockets are the event loop's. A
connection serves one request at a time, and is then kept for the next one.
"""

import asyncio
import ssl
from base64 import b64encode
from functools import cached_property
from types import TracebackType
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from runs.net import dialing, socks
from runs.net.connection import Connection
from runs.net.errors import ConnectError, ProtocolError, ReadTimeout, ResponseTooLarge, ServerDisconnected
from runs.net.tls import client_context

CONNECT_SECONDS = 10.0  # s to reach the upstream
MAX_IDLE_CONNECTIONS = 100  # kept for each origin
PORTS = {"http": 80, "https": 443}
URL_SAFE = "/%:=&~+!$,;@()*?'"  # characters that stay as they are in a request's target


class Origin(NamedTuple):
    """Where a connection leads, and the proxy's URL if it goes through one."""

    scheme: str
    host: str
    port: int
    proxy: str | None


class Request:
    """One request as an async context manager: gives the connection to read the response from.

    On exit the connection goes back to the client's pool, or is closed.
    """

    def __init__(
        self, client: "Client", origin: Origin, data: list[bytes], read_timeout: float, max_bytes: int
    ) -> None:
        self._client, self._origin, self._data = client, origin, data
        self._read_timeout, self._max_bytes = read_timeout, max_bytes

    async def __aenter__(self) -> Connection:
        """Send the request exactly once: a server that received it may have begun to work on it (B65).

        A server may close an idle connection just as it is reused. If it closed before anything was written, that is
        noticed and another connection is used. If it closes later, the attempt has failed, and the caller decides
        whether to make another one.
        """
        self._connection = self._client.reuse(self._origin) or await self._client.connect(self._origin)
        data, self._data = self._data, []
        try:
            await self._connection.send_request(data, self._read_timeout, self._max_bytes)
        except BaseException as error:
            self._connection.close()
            if isinstance(error, ServerDisconnected):
                self._client.close_idle(self._origin)
            raise
        return self._connection

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._connection.is_reusable:
            self._client.release(self._origin, self._connection)
        else:
            self._connection.close()


class Client:
    """Makes requests, and pools the connections of one event loop."""

    def __init__(self) -> None:
        self._idle: dict[Origin, list[Connection]] = {}

    def post(
        self,
        url: str,
        body: bytes,
        headers: dict[str, str],
        read_timeout: float,
        max_bytes: int,
        proxy: str | None,
    ) -> Request:
        """A POST, sent when the result is entered.

        Raises ConnectError for an invalid URL or header; on entry also ProtocolError, ReadTimeout, ResponseTooLarge.
        """
        try:
            parts = urlsplit(url)
            origin = Origin(parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme], proxy)
            if not origin.host:
                raise ValueError("no host")
            data = [_request_head(parts, origin, body, headers), body]
        except (KeyError, ValueError) as error:
            raise ConnectError(f"invalid URL or header: {error!r}") from error
        return Request(self, origin, data, read_timeout, max_bytes)

    def reuse(self, origin: Origin) -> Connection | None:
        """Take an idle connection to `origin` out of the pool, one that has not ended as far as can be known."""
        connections = self._idle.get(origin, [])
        while connections:
            if (connection := connections.pop()).is_open:
                if not connection.has_expired:
                    return connection
                connection.close()
        return None

    def close_idle(self, origin: Origin) -> None:
        """Close all idle connections to `origin`: where the server closed one, it is about to close the others."""
        for connection in self._idle.pop(origin, []):
            connection.close()

    def release(self, origin: Origin, connection: Connection) -> None:
        """Put a connection into the pool; close it if the pool is full."""
        connections = [idle for idle in self._idle.get(origin, []) if idle.is_open]
        self._idle[origin] = connections
        if len(connections) < MAX_IDLE_CONNECTIONS:
            connection.set_idle()
            connections.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.close()

    async def connect(self, origin: Origin) -> Connection:
        """Open a connection. Raises ConnectError."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await (self._connect_through_proxy(origin) if origin.proxy else self._connect(origin))
        except (OSError, UnicodeError, ProtocolError, ReadTimeout, ResponseTooLarge) as error:
            raise ConnectError(repr(error)) from error

    async def _connect(self, origin: Origin) -> Connection:
        tls = self._tls if origin.scheme == "https" else None
        return await dialing.connect(Connection, origin.host, origin.port, tls)

    async def _connect_through_proxy(self, origin: Origin) -> Connection:
        """For https, open a tunnel with CONNECT: TLS is end to end."""
        proxy = urlsplit(origin.proxy or "")
        is_socks = proxy.scheme.startswith("socks")
        if is_socks:
            connection = await self._connect_through_socks(proxy, origin)
        else:
            port = proxy.port or PORTS[proxy.scheme]
            connection = await self._connect(Origin(proxy.scheme, proxy.hostname or "", port, None))
        if origin.scheme == "http":
            return connection
        try:
            if not is_socks:
                await self._open_tunnel(connection, proxy, origin)
            transport = await asyncio.get_running_loop().start_tls(
                connection.transport, connection, self._tls, server_hostname=origin.host
            )
            if transport is None:
                raise ConnectError("the connection was closed during the TLS handshake")
            connection.transport = transport
        except BaseException:
            connection.close()
            raise
        return connection

    async def _open_tunnel(self, connection: Connection, proxy: SplitResult, origin: Origin) -> None:
        target = f"{_bracket_ipv6(origin.host)}:{origin.port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *_basic_auth(proxy, "Proxy-Authorization")]
        await connection.send_request([_encode_head(lines)], CONNECT_SECONDS)
        if connection.status != 200:
            raise ConnectError(f"the proxy answered HTTP {connection.status}")

    async def _connect_through_socks(self, proxy: SplitResult, origin: Origin) -> Connection:
        handshake = await dialing.connect(socks.Handshake, proxy.hostname or "", proxy.port or socks.PORT)
        try:
            await handshake.connect(proxy, origin.host, origin.port)
        except BaseException:
            handshake.transport.abort()
            raise
        connection = Connection()
        handshake.transport.set_protocol(connection)
        connection.connection_made(handshake.transport)
        return connection

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return client_context()


def _request_head(parts: SplitResult, origin: Origin, body: bytes, headers: dict[str, str]) -> bytes:
    authority = _bracket_ipv6(origin.host) + ("" if origin.port == PORTS[origin.scheme] else f":{origin.port}")
    target = quote(parts.path or "/", safe=URL_SAFE) + (f"?{quote(parts.query, safe=URL_SAFE)}" if parts.query else "")
    lines = [f"Host: {authority}", "Accept-Encoding: identity", f"Content-Length: {len(body)}"]
    if origin.proxy and origin.proxy.startswith("http") and origin.scheme == "http":  # it needs the absolute form
        target = f"http://{authority}{target}"
        lines += _basic_auth(urlsplit(origin.proxy), "Proxy-Authorization")
    if "Authorization" not in headers:
        lines += _basic_auth(parts, "Authorization")
    return _encode_head([f"POST {target} HTTP/1.1", *lines, *(f"{name}: {value}" for name, value in headers.items())])


def _encode_head(lines: list[str]) -> bytes:
    """Raises ValueError for a line break within a line, which would make two lines of it."""
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break in a header")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _basic_auth(parts: SplitResult, header: str) -> list[str]:
    """The header for the user name and password in a URL, if it has them."""
    if parts.username is None:
        return []
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return [f"{header}: Basic {b64encode(credentials.encode()).decode()}"]


def _bracket_ipv6(host: str) -> str:
    return f"[{host}]" if ":" in host else host
