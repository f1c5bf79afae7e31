"""The load generator: holds many connections open and records when data arrives.

While a window is open it only keeps what it reads; afterwards it finds the upstream's stamps (`w12@1234.567890 `) in
whatever bytes arrived, so that direct streams, server-sent events and WebSocket frames cost it the same. Orders
(`orders.py`):

    {"do": "open", "port", "requests": [[raw HTTP request, stream], …], "ready": text}   once `ready` came on each
    {"do": "rest", "seconds"}       let the streams flow
    {"do": "window", "seconds"}     {"seconds", "cpu"}: how long it really was, and this process's CPU time in it
    {"do": "close"}                 closes all; {"wrong": gaps and doubles, "windows": [{"tokens", "p50", "p99"}]}

A request with a `stream` is a WebSocket's: the stream is followed and acknowledged on it as `docs/protocol.md` says.
"""

import asyncio
import gc
import json
import re
import resource
import time
from itertools import chain

import uvloop

from tests.bench.orders import serve

STAMP = re.compile(rb"w(\d+)@(\d+\.\d{6}) ")
SEQ = re.compile(rb'"seq":(\d+)')
CARRY_BYTES = 64  # more than one stamp: the rest of a read may hold the beginning of one
CONNECT_AT_ONCE = 50
CONNECT_SECONDS = 60.0
ACK_EVENTS = 64  # events after which a WebSocket's reader acknowledges


class Reader(asyncio.Protocol):
    """One connection until it is ready; then a simpler protocol takes its place."""

    def __init__(self, crowd: "Crowd", request: str, stream: str):
        self.crowd, self.request, self.stream = crowd, request, stream
        self.ready = asyncio.get_running_loop().create_future()
        self.reads: list[tuple[float, bytes]] = []
        self.heard = b""

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request.encode())

    def data_received(self, data):
        if self.stream and not self.heard:
            self.transport.write(text_frame({"follow": self.stream, "after": 0}))
        self.heard += data
        self.reads.append((time.monotonic(), data))
        if self.crowd.ready in self.heard and not self.ready.done():
            self.ready.set_result(None)
            listener = Acknowledging(self) if self.stream else Listener(self)
            self.transport.set_protocol(listener)

    def connection_lost(self, error):
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(f"closed: {self.heard[-200:]!r}"))


class Listener(asyncio.Protocol):
    def __init__(self, reader: Reader):
        self.keep = reader.reads.append

    def data_received(self, data, now=time.monotonic):
        self.keep((now(), data))


class Acknowledging(asyncio.Protocol):
    """A WebSocket's reader: acknowledges what it has received."""

    def __init__(self, reader: Reader):
        self.keep, self.transport, self.stream = reader.reads.append, reader.transport, reader.stream
        self.unacknowledged = 0

    def data_received(self, data):
        self.keep((time.monotonic(), data))
        self.unacknowledged += data.count(b'"seq":')
        if self.unacknowledged >= ACK_EVENTS:
            self.unacknowledged = 0
            last = int(SEQ.findall(data)[-1])
            self.transport.write(text_frame({"ack": {self.stream: last}}))


def text_frame(value: object) -> bytes:
    """A client's WebSocket frame. Its mask is zero, which leaves the text unchanged."""
    data = json.dumps(value).encode()
    length = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0x80 | 126]) + len(data).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + data


class Crowd:
    """The orders."""

    def __init__(self):
        self.readers: list[Reader] = []
        self.windows: list[tuple[float, float]] = []

    async def open(self, port: int, requests: list[list[str]], ready: str) -> None:
        self.ready = ready.encode()
        loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(CONNECT_AT_ONCE)

        async def connect(request: str, stream: str) -> None:
            async with gate:
                reader = Reader(self, request, stream)
                await loop.create_connection(lambda: reader, "127.0.0.1", port)
                self.readers.append(reader)
                await asyncio.wait_for(reader.ready, CONNECT_SECONDS)

        await asyncio.gather(*(connect(request, stream) for request, stream in requests))

    async def rest(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def window(self, seconds: float) -> dict:
        cpu, began = _cpu_seconds(), time.monotonic()
        await asyncio.sleep(seconds)
        self.windows.append((began, time.monotonic()))
        return {"seconds": self.windows[-1][1] - began, "cpu": _cpu_seconds() - cpu}

    async def close(self) -> dict:
        for reader in self.readers:
            reader.transport.abort()
        wrong, arrivals = 0, []
        for reader in self.readers:
            flaws, found = arrivals_in(reader.reads)
            wrong += flaws
            arrivals.append(found)
        windows = [summary(arrivals, *window) for window in self.windows]
        self.readers, self.windows = [], []
        return {"wrong": wrong, "windows": windows}


def arrivals_in(reads: list[tuple[float, bytes]]) -> tuple[int, list[tuple[float, float]]]:
    """How many numbers do not follow their predecessor, and for each token its arrival time and latency (s)."""
    wrong, last, carry, arrivals = 0, 0, b"", []
    for at, data in reads:
        data, end = carry + data, 0
        for found in STAMP.finditer(data):
            number, end = int(found[1]), found.end()
            wrong += number != last + 1
            last = number
            arrivals.append((at, at - float(found[2])))
        carry = data[max(end, len(data) - CARRY_BYTES) :]
    return wrong, arrivals


def summary(arrivals: list[list[tuple[float, float]]], began: float, ended: float) -> dict:
    late = sorted(late for at, late in chain.from_iterable(arrivals) if began <= at < ended)
    at = lambda share: late[int(len(late) * share)] if late else 1e9  # noqa: E731
    return {"tokens": len(late), "p50": at(0.5), "p99": at(0.99)}


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    gc.disable()  # a collection in between would be measured as everybody's latency
    uvloop.run(serve(Crowd()))
