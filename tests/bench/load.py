"""The load generator, a process of its own: holds many connections open and takes the time of every token.

It finds the upstream's stamps (`w12@1234.567890 `) in whatever bytes arrive, so that direct streams, server-sent
events and WebSocket frames cost it the same. It is told what to do in JSON lines and answers in JSON lines:

    {"do": "open", "port", "requests": [raw HTTP request, …], "ready": text}   once `ready` came on each of them
    {"do": "window", "seconds"}     what arrived meanwhile: tokens, latencies, its own CPU time
    {"do": "close"}                 closes all; gaps and doubles since they were opened
"""

import asyncio
import json
import re
import resource
import sys
import time

import uvloop

STAMP = re.compile(rb"w(\d+)@(\d+\.\d{6}) ")
CARRY_BYTES = 64  # more than one stamp: the rest of a read may hold the beginning of one
CONNECT_AT_ONCE = 50


class Reader(asyncio.Protocol):
    def __init__(self, crowd: "Crowd", request: bytes):
        self.crowd, self.request = crowd, request
        self.ready = asyncio.get_running_loop().create_future()
        self.carry, self.last, self.wrong = b"", 0, 0

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data):
        now = time.monotonic()
        data = self.carry + data
        end = 0
        for found in STAMP.finditer(data):
            number, end = int(found[1]), found.end()
            if number != self.last + 1:
                self.wrong += 1
            self.last = number
            self.crowd.latencies.append(now - float(found[2]))
        self.carry = data[max(end, len(data) - CARRY_BYTES) :]
        if not self.ready.done() and self.crowd.ready in data:
            self.ready.set_result(None)

    def connection_lost(self, error):
        self.crowd.lost += 1
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(f"closed: {self.carry[-200:]!r}"))


class Crowd:
    def __init__(self):
        self.readers: list[Reader] = []
        self.latencies: list[float] = []
        self.ready, self.lost = b"", 0

    async def open(self, port: int, requests: list[str], ready: str) -> dict:
        self.ready, self.latencies, self.lost = ready.encode(), [], 0
        loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(CONNECT_AT_ONCE)

        async def connect(request: str) -> None:
            async with gate:
                _, reader = await loop.create_connection(lambda: Reader(self, request.encode()), "127.0.0.1", port)
                self.readers.append(reader)
                await asyncio.wait_for(reader.ready, 60)

        await asyncio.gather(*(connect(request) for request in requests))
        return {"open": len(self.readers)}

    async def window(self, seconds: float) -> dict:
        self.latencies, cpu, began = [], _cpu_seconds(), time.monotonic()
        await asyncio.sleep(seconds)
        latencies, self.latencies = sorted(self.latencies), []
        at = lambda share: latencies[int(len(latencies) * share)] if latencies else float("inf")  # noqa: E731
        return {
            "seconds": time.monotonic() - began,
            "tokens": len(latencies),
            "p50": at(0.5),
            "p99": at(0.99),
            "max": latencies[-1] if latencies else float("inf"),
            "cpu": _cpu_seconds() - cpu,
        }

    async def close(self) -> dict:
        wrong = sum(reader.wrong for reader in self.readers)
        for reader in self.readers:
            reader.transport.abort()
        self.readers = []
        return {"wrong": wrong}


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _main() -> None:
    crowd, lines = Crowd(), asyncio.StreamReader(limit=2**28)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        order = json.loads(line)
        try:
            answer = await getattr(crowd, order.pop("do"))(**order)
        except (OSError, TimeoutError) as error:
            answer = {"error": repr(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    uvloop.run(_main())
