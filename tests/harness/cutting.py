"""A TCP proxy that cuts connections: after so many bytes from the server, drawn by a seeded generator."""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any
from urllib.parse import urlsplit

SOCKET_BYTES = (300, 6_000)  # that a WebSocket lives for: a few events, or a few dozen
REPLY_BYTES = (0, 20_000)  # that other connections live for: some never get a reply, some half of one, many all
READ_BYTES = 4_096
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: what is under way is lost, and the other side learns of it by a reset


class CuttingProxy:
    """Passes everything on to `target` until it is armed. `cuts` counts the WebSockets, and others, that it has cut."""

    def __init__(self, target: str, seed: int):
        address = urlsplit(target)
        self._target = address.hostname, address.port
        self._random = random.Random(seed)
        self._is_armed = False
        self.cuts = {"websocket": 0, "other": 0}
        self._loop = asyncio.new_event_loop()  # in a thread of its own: playwright has one in this one
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="cutting proxy")
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def arm(self, **bytes_of: tuple[int, int] | None) -> None:
        """Cut from now on, also what is open. `bytes_of` says how long a kind lives, None: until the last byte of what
        comes next. Kinds that it leaves out are spared, unless it is empty."""
        self._bytes_of = bytes_of or {"websocket": SOCKET_BYTES, "other": REPLY_BYTES}
        self._is_armed = True

    def disarm(self) -> None:
        self._is_armed = False

    def close(self) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine: Coroutine) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _end(self) -> None:
        self._server.close()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        for _ in range(3):
            await asyncio.sleep(0)  # what was aborted is closed in the loop's next turns

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection. It ends as any other does when the test is over: a server's task must not be cancelled."""
        ends = [writer]
        try:
            await self._connect(reader, writer, ends)
        except (OSError, asyncio.CancelledError):
            pass  # one side has closed it, or the test is over
        finally:
            for end in ends:
                end.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ends: list) -> None:
        from_server, to_server = await asyncio.open_connection(*self._target)
        ends.append(to_server)
        request = await reader.read(READ_BYTES)
        kind = "websocket" if b"upgrade: websocket" in request.lower() else "other"
        to_server.write(request)
        up = asyncio.ensure_future(_pass_on(reader, to_server))
        try:
            await self._pass_back(from_server, writer, kind)
        finally:
            up.cancel()

    async def _pass_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: str) -> None:
        left = None
        while data := await reader.read(READ_BYTES):
            if self._is_armed and kind in self._bytes_of:
                left = (self._draw(kind, data) if left is None else left) - len(data)
                if left < 0:
                    self.cuts[kind] += 1
                    await self._cut(writer, data[:left])
                    return
            writer.write(data)
            await writer.drain()

    def _draw(self, kind: str, data: bytes) -> int:
        lives = self._bytes_of[kind]
        return self._random.randint(*lives) if lives else len(data) - 1

    async def _cut(self, writer: asyncio.StreamWriter, last: bytes) -> None:
        """In the middle of a frame, mostly: either the last bytes still arrive, or a reset takes them along."""
        writer.write(last)
        if self._random.random() < 0.5:
            writer.close()
            await writer.wait_closed()
        else:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(READ_BYTES):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
