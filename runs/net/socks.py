"""Open a connection through a SOCKS5 proxy (RFC 1928, RFC 1929). The proxy resolves the name."""

import asyncio
from typing import cast
from urllib.parse import SplitResult, unquote

from runs.net.errors import ConnectError

PORT = 1080
ADDRESS_BYTES = {1: 4, 4: 16}  # of IPv4 and of IPv6; a name says its own length
NO_AUTHENTICATION, PASSWORD = 0, 2  # methods of logging in
REFUSALS = {  # by the status of the reply
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "the connection timed out",
    7: "command not supported",
    8: "address type not supported",
}


class Handshake(asyncio.Protocol):
    """The exchange with the proxy, before the connection belongs to another protocol."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = bytearray()
        self._change = asyncio.Event()
        self._is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._change.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._is_lost = True
        self._change.set()

    async def connect(self, proxy: SplitResult, host: str, port: int) -> None:
        """Have the proxy connect to `host`. Raises ConnectError."""
        name = host.encode("idna")
        if len(name) > 255:
            raise ConnectError("the name of the host is too long for the proxy")
        await self._authenticate(proxy)
        # version 5, connect, reserved, the address is a name
        self.transport.write(b"\5\1\0\3" + bytes([len(name)]) + name + port.to_bytes(2, "big"))
        version, status, _reserved, kind = await self._read(4)
        if version != 5 or status:
            raise ConnectError(f"the SOCKS proxy answered: {REFUSALS.get(status, 'not SOCKS5')}")
        length = ADDRESS_BYTES.get(kind) or (await self._read(1))[0]
        await self._read(length + 2)  # the proxy's own address

    async def _authenticate(self, proxy: SplitResult) -> None:
        method = NO_AUTHENTICATION if proxy.username is None else PASSWORD
        self.transport.write(bytes([5, 1, method]))
        version, accepted = await self._read(2)
        if version != 5 or accepted != method:
            raise ConnectError("the SOCKS proxy does not accept this kind of log-in" if version == 5 else "not SOCKS5")
        if method == PASSWORD:
            user, password = unquote(proxy.username or "").encode(), unquote(proxy.password or "").encode()
            if max(len(user), len(password)) > 255:
                raise ConnectError("the user name or the password is too long for the proxy")
            self.transport.write(b"\1" + bytes([len(user)]) + user + bytes([len(password)]) + password)
            if (await self._read(2))[1]:
                raise ConnectError("the SOCKS proxy did not accept the user name and password")

    async def _read(self, count: int) -> bytes:
        while len(self._received) < count:
            if self._is_lost:
                raise ConnectError("the SOCKS proxy closed the connection")
            self._change.clear()
            await self._change.wait()
        data = bytes(self._received[:count])
        del self._received[:count]
        return data
