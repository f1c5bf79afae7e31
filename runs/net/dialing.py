"""Connect to a host by the fastest of its addresses (RFC 8305): a dead one costs a quarter of a second."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import chain, zip_longest
from typing import Any, TypeVar

STAGGER_SECONDS = 0.25  # s an address is given before the next one is tried, too

P = TypeVar("P", bound=asyncio.Protocol)


async def connect(factory: Callable[[], P], host: str, port: int, tls: ssl.SSLContext | None = None) -> P:
    """A connection to `host`, with TLS if there is a context. Raises OSError, UnicodeError."""
    addresses = await _addresses_of(host, port)
    if len(addresses) == 1:
        return await _connect_to(factory, addresses[0], host, port, tls)
    return await _race([partial(_connect_to, factory, address, host, port, tls) for address in addresses])


async def _addresses_of(host: str, port: int) -> list[str]:
    """The host's addresses, those of both families in turns."""
    records = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not records:
        raise OSError(f"{host} has no address")
    first = records[0][0]
    preferred = [str(record[4][0]) for record in records if record[0] == first]
    others = [str(record[4][0]) for record in records if record[0] != first]
    return list(dict.fromkeys(filter(None, chain.from_iterable(zip_longest(preferred, others)))))


async def _connect_to(factory: Callable[[], P], address: str, host: str, port: int, tls: ssl.SSLContext | None) -> P:
    loop = asyncio.get_running_loop()
    name = host if tls is not None else None
    return (await loop.create_connection(factory, address, port, ssl=tls, server_hostname=name))[1]


async def _race(attempts: list[Callable[[], Coroutine[Any, Any, P]]]) -> P:
    """The result of the first attempt that succeeds; each starts when the one before has failed, or takes too long."""
    running: set[asyncio.Task[P]] = set()
    failure: BaseException | None = None
    left = list(attempts)
    try:
        while left or running:
            if left:
                running.add(asyncio.create_task(left.pop(0)()))
            timeout = STAGGER_SECONDS if left else None
            done, running = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if task.exception() is None:
                    running |= done - {task}
                    return task.result()
                failure = failure or task.exception()
    finally:
        for task in running:
            task.add_done_callback(_discard)
            task.cancel()
    raise failure or OSError("no address")


def _discard(task: "asyncio.Task[P]") -> None:
    """Close the connection of an attempt that succeeded too late."""
    if not task.cancelled() and task.exception() is None:
        transport = getattr(task.result(), "transport", None)
        if transport is not None:
            transport.abort()
