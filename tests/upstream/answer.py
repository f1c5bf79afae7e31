"""One answer: its script carried out on one HTTP response."""

import asyncio
import random
import socket
import struct
import time

from aiohttp import web

from tests.upstream.record import Connection, Record
from tests.upstream.script import Script
from tests.upstream.wheel import Wheel
from tests.upstream.wire import TextWire, Wire


class Interrupted(Exception):
    """The script wants the answer to break off here."""


class Answer:
    def __init__(self, request: web.Request, script: Script, connection: Connection, record: Record):
        self.request, self.script, self.connection, self.record = request, script, connection, record
        self.wheel: Wheel = request.app[WHEEL]
        wire = TextWire if "prompt" in connection.body else Wire
        self.wire = wire(script, connection.body.get("model", ""), f"chatcmpl-{connection.id}")
        self.response = web.StreamResponse(headers={"Content-Type": script.content_type})
        self.response.enable_chunked_encoding()

    async def speak(self) -> web.StreamResponse:
        """Carry the script out. Raises CancelledError when the client has gone."""
        if self.script.hold_headers:
            await self._hold()
        await self.response.prepare(self.request)
        self.due = asyncio.get_running_loop().time()
        try:
            await self._write(self.wire.opening())
            sent = 0
            for point in self.script.turning_points():
                await self._tokens(sent, point)
                sent = point
                await self._turn(point)
            options = self.connection.body.get("stream_options") or {}
            await self._write(self.wire.closing(self._prompt_tokens(), bool(options.get("include_usage"))))
            how = "finished"
        except Interrupted:
            how = "interrupted"
        await self.response.write_eof()
        self.record.end(self.connection, how)
        if self.script.hang_up and self.request.transport is not None:
            self.request.transport.close()
        return self.response

    def _prompt_tokens(self) -> int:
        if self.script.window is not None:
            return self.script.count(self.connection.body)
        return len(str(self.connection.body.get("messages", "")).split())

    async def _turn(self, sent: int) -> None:
        """Do what the script wants to be done after so many tokens."""
        script = self.script
        if sent == script.comment_after:
            await self._write(self.wire.comment())
        if sent in script.hold:
            await self._hold()
        if sent == script.garbage_after:
            await self._write(self.wire.event(b'{"choices": [{"delta": '))
        if sent == script.error_after:
            await self._write(self.wire.error())
            raise Interrupted
        if sent == script.stall_after:
            await self._stall()
        if sent == script.close_after:
            raise Interrupted
        if sent == script.reset_after:
            await self._reset()

    async def _hold(self) -> None:
        self.record.stall(self.connection, time.monotonic())
        await self.record.permits(self.connection.tag).acquire()
        self.record.stall(self.connection, None)
        self.due = asyncio.get_running_loop().time()

    async def _stall(self) -> None:
        self.record.stall(self.connection, time.monotonic())
        await asyncio.Event().wait()

    async def _reset(self) -> None:
        self.record.end(self.connection, "interrupted")
        transport = self.request.transport
        # Zero linger makes the kernel send RST instead of FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await asyncio.Event().wait()  # until aiohttp notices and cancels us

    async def _write(self, data: bytes) -> None:
        if not data:
            return
        if not self.script.split:
            await self.response.write(data)
            return
        for start in range(0, len(data), self.script.split):
            await self.response.write(data[start : start + self.script.split])
            await asyncio.sleep(0)  # a write of its own: uvloop joins those of one turn of the loop

    async def _tokens(self, first: int, end: int) -> None:
        """Send the tokens from `first` up to, not including, `end`."""
        if first == end:
            return
        if self.script.rate and not self.script.split:
            await self._paced(first, end)
            return
        for index in range(first, end, self.script.per_write):
            if self.script.rate:
                await self._until_due(min(self.script.per_write, end - index))
            await self._write(self._batch(index, end))
            self.connection.tokens = min(index + self.script.per_write, end)
            self.record.ring(self.connection.tag)

    def _batch(self, index: int, end: int) -> bytes:
        if self.script.per_write == 1:
            return self.wire.token(index)
        return b"".join(self.wire.token(n) for n in range(index, min(index + self.script.per_write, end)))

    async def _until_due(self, tokens: int) -> None:
        self.due += tokens / self.script.rate
        due = asyncio.get_running_loop().create_future()
        self.wheel.at(self.due, lambda: due.done() or due.set_result(None))
        await due

    async def _paced(self, first: int, end: int) -> None:
        """Let the wheel write straight to the socket: one call a write, no task is woken before the end."""
        finished = asyncio.get_running_loop().create_future()
        transport, connection, step = self.request.transport, self.connection, self.script.per_write
        interval = step / self.script.rate
        index = first

        def write() -> None:
            nonlocal index
            if finished.done() or transport.is_closing():
                return  # cancelled; aiohttp wakes the task that waits
            data = self._batch(index, end)
            transport.write(b"%x\r\n%b\r\n" % (len(data), data))
            index = min(index + step, end)
            connection.tokens = index
            self.record.ring(connection.tag)
            if index == end:
                finished.set_result(None)
                return
            self.due += interval
            self.wheel.at(self.due, write)

        self.due += interval * (random.random() if self.script.jitter else 1)
        self.wheel.at(self.due, write)
        await finished


WHEEL: web.AppKey[Wheel] = web.AppKey("wheel", Wheel)
