"""The upstream of the benchmark. It does as little work per token as possible, to leave the cores to the systems.

It speaks the same bytes as the scripted upstream of `tests/upstream`, for one script only: an answer waits until its
tag is released and then comes at a fixed rate, every token numbered and stamped with the machine's monotonic clock,
until its tag is told to finish. Orders (`orders.py`):

    {"do": "listen"}                 {"port"}
    {"do": "wait", "tag", "count"}   once so many answers of this tag have been asked for
    {"do": "release", "tag"}         all of them begin, each somewhere within the first interval
    {"do": "finish", "tag"}          all of them end properly; those that are asked for later end at once
"""

import asyncio
import gc
import os
import random
import re
import time
from collections import defaultdict

import orjson
import uvloop

from tests.bench.orders import serve
from tests.upstream.script import Script, last_user_text, script_in
from tests.upstream.wire import Wire

RATE = 20  # tokens a second of one answer
SLOT_SECONDS = 0.001  # of the clock that paces all answers: fine enough beside the 50 ms between two tokens
SLOTS = round(1 / RATE / SLOT_SECONDS)  # in one interval
PATIENCE_SECONDS = 120.0  # s to wait for answers to be asked for
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def framed(data: bytes) -> bytes:
    """One chunk of HTTP's chunked encoding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Voice(asyncio.Protocol):
    """One connection; writes one answer after the other."""

    def __init__(self, source: "Source"):
        self.source, self.inbox, self.number, self.is_speaking = source, b"", 0, False

    def connection_made(self, transport):
        self.transport = transport
        self.handle = transport.get_extra_info("socket").fileno()

    def data_received(self, data):
        self.inbox += data
        head, found, rest = self.inbox.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if found and length and len(rest) >= int(length[1]):
            self.inbox = rest[int(length[1]) :]
            self._begin(orjson.loads(rest[: int(length[1])]))

    def _begin(self, body: dict) -> None:
        script = script_in(last_user_text(body)) or Script(tag="")
        self.wire = Wire(script, body.get("model", ""), "chatcmpl-bench")
        self.head, self.tail, self.number, self.is_speaking = self.wire.head, self.wire.tail, 0, True
        self.transport.write(HEAD + framed(self.wire.opening()))
        self.source.choirs[script.tag].join(self)

    def speak(self) -> None:
        """Write the next token, directly to the socket while it has room."""
        if not self.is_speaking:
            return
        self.number += 1
        data = b"%bw%d@%.6f %b" % (self.head, self.number, time.monotonic(), self.tail)
        data = b"%x\r\n%b\r\n" % (len(data), data)
        if not self.transport.get_write_buffer_size():
            try:
                data = data[os.write(self.handle, data) :]
            except BlockingIOError:
                pass
            except OSError:  # the reader has gone; `connection_lost` is on its way
                return
        if data:
            self.transport.write(data)

    def finish(self) -> None:
        if self.is_speaking:
            self.is_speaking = False
            self.transport.write(framed(self.wire.closing(0, True)) + LAST)

    def connection_lost(self, error):
        self.is_speaking = False


class Choir:
    """All answers of one tag."""

    def __init__(self):
        self.voices: list[Voice] = []
        self.joined = asyncio.Condition()
        self.is_over = False
        self._timer: asyncio.TimerHandle | None = None

    def join(self, voice: Voice) -> None:
        self.voices.append(voice)
        if self.is_over:
            voice.finish()
        self._call = asyncio.ensure_future(self._tell())

    async def _tell(self) -> None:
        async with self.joined:
            self.joined.notify_all()

    async def wait(self, count: int) -> None:
        async with self.joined, asyncio.timeout(PATIENCE_SECONDS):
            await self.joined.wait_for(lambda: len(self.voices) >= count)

    def release(self) -> None:
        self._slots: list[list[Voice]] = [[] for _ in range(SLOTS)]
        for voice in self.voices:
            random.choice(self._slots).append(voice)
        self._turned = int(time.monotonic() / SLOT_SECONDS)
        self._turn()

    def _turn(self) -> None:
        """Write all tokens that have become due since the last turn."""
        now = int(time.monotonic() / SLOT_SECONDS)
        for slot in range(self._turned + 1, now + 1):
            for voice in self._slots[slot % SLOTS]:
                voice.speak()
        self._turned = now
        self._timer = asyncio.get_running_loop().call_later(SLOT_SECONDS, self._turn)

    def finish(self) -> None:
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()
        for voice in self.voices:
            voice.finish()


class Source:
    """The orders."""

    def __init__(self):
        self.choirs: dict[str, Choir] = defaultdict(Choir)

    async def listen(self) -> dict:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Voice(self), "127.0.0.1", 0, backlog=4096)
        return {"port": self._server.sockets[0].getsockname()[1]}

    async def wait(self, tag: str, count: int) -> None:
        await self.choirs[tag].wait(count)

    async def release(self, tag: str) -> None:
        self.choirs[tag].release()

    async def finish(self, tag: str) -> dict:
        self.choirs[tag].finish()
        return {"tokens": sum(voice.number for voice in self.choirs[tag].voices)}


if __name__ == "__main__":
    gc.disable()  # a collection in between would be measured as somebody's latency
    uvloop.run(serve(Source()))
