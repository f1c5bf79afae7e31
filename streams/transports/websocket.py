"""The WebSocket: one for each page, for all the streams it follows. `docs/protocol.md` is its contract.

A plain ASGI application instead of a Channels consumer class, whose dispatch costs 0.4 ms for each message, sent or
received (ADR 3). `streams/transports/routing.py` checks the handshake.
"""

import asyncio
import contextlib
import logging
from collections import deque
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from streams.access import Viewer, viewer_of
from streams.delivery.follow import follow
from streams.delivery.hub import EncodedEvent
from streams.events import Control, control
from streams.transports.asgi_types import Message, Receive, Scope, Send
from streams.transports.backpressure import ClientSender
from streams.transports.connection_limit import TooManyConnections, count_connection
from streams.transports.positions import position_of

logger = logging.getLogger(__name__)

WINDOW_EVENTS = 256  # events of one stream sent and not acknowledged: what this process buffers for a dead phone,
WINDOW_BYTES = 256 * 1024  # and bytes of them. But
ACK_EVENTS = 64  # may always be in flight, because clients need not acknowledge more often
MESSAGE_BYTES = 64 * 1024  # a message of this size gets no further event
MAX_STREAMS = 32  # streams one socket follows at once
MAX_MESSAGE_CHARACTERS = 10_000  # of a client's message
BAD_MESSAGE, NOT_LOGGED_IN, TOO_MANY, FAILED = 4400, 4401, 4429, 4500  # closing codes; daphne sends none below 3000


async def stream_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one connection."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    viewer = await viewer_of(scope["cookies"].get(settings.SESSION_COOKIE_NAME, ""))
    if viewer is None:
        await send({"type": "websocket.close", "code": NOT_LOGGED_IN})
        return
    socket = _Socket(viewer, send)
    try:
        release = count_connection(viewer.user_id, socket)
    except TooManyConnections as refusal:
        await socket.reject(refusal.code, refusal.message)
        return
    try:
        await socket.serve(receive)
    finally:
        release()
        await socket.close()


class _BadMessage(Exception):
    """The client sent a message that is not in the protocol."""


class _Window:
    """The events of one stream that have been sent and not acknowledged."""

    __slots__ = ("_acked", "_bytes", "_sent")

    def __init__(self) -> None:
        self._sent: deque[tuple[int, int]] = deque()  # (seq, bytes)
        self._bytes = 0
        self._acked = asyncio.Event()

    def add(self, events: list[EncodedEvent]) -> None:
        sizes = [(event.seq, len(event.envelope)) for event in events if event.seq]  # seq 0 is never acknowledged
        self._sent += sizes
        self._bytes += sum(size for _, size in sizes)

    def ack(self, seq: int) -> None:
        while self._sent and self._sent[0][0] <= seq:
            self._bytes -= self._sent.popleft()[1]
        self._acked.set()

    @property
    def room(self) -> int:
        """How many events may be sent now. At least ACK_EVENTS may be in flight, however large they are."""
        room = WINDOW_EVENTS if self._bytes < WINDOW_BYTES else ACK_EVENTS
        return max(0, room - len(self._sent))

    async def wait_for_room(self) -> None:
        while not self.room:
            self._acked.clear()
            await self._acked.wait()


class _Socket:
    """One connection: a task for each stream it follows, and one for heartbeats and rechecks."""

    def __init__(self, viewer: Viewer, send: Send) -> None:
        self._viewer, self._sender = viewer, ClientSender(send, acknowledges=True)
        self._following: dict[UUID, asyncio.Task[None]] = {}
        self._windows: dict[UUID, _Window] = {}
        self._closed = False
        self._closing: asyncio.Task[None] | None = None  # asyncio itself keeps weak references only

    async def serve(self, receive: Receive) -> None:
        watch = asyncio.create_task(self._watch())
        try:
            while (message := await receive())["type"] == "websocket.receive":
                await self._handle(message.get("text"))
        except _BadMessage:
            await self._close_with(BAD_MESSAGE)
        finally:
            watch.cancel()

    async def reject(self, code: str, message: str) -> None:
        await self._refuse(None, code, message)
        await self._close_with(TOO_MANY)

    async def close(self) -> None:
        self._closed = True
        tasks = list(self._following.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._sender.close()

    async def _handle(self, text: str | None) -> None:
        message = _parse(text)
        match message:
            case {"follow": name}:
                await self._follow(name, message.get("after", 0))
            case {"unfollow": name}:
                if (stream := _uuid(name)) and (task := self._following.get(stream)):
                    task.cancel()
            case {"ack": dict(seqs)}:
                for name, seq in seqs.items():
                    if (stream := _uuid(name)) and (window := self._windows.get(stream)):
                        window.ack(position_of(seq))
            case _:
                raise _BadMessage

    async def _follow(self, name: object, after: object) -> None:
        stream = _uuid(name)
        after = position_of(after)
        if stream is None:
            await self._refuse(None, "not_found", "There is no such stream.")
        elif stream not in self._following and len(self._following) >= MAX_STREAMS:
            await self._refuse(stream, "too_many", f"A socket follows at most {MAX_STREAMS} streams.")
        else:
            if earlier := self._following.get(stream):
                earlier.cancel()
            self._windows[stream] = _Window()
            task = self._following[stream] = asyncio.create_task(self._pump(stream, after, self._windows[stream]))
            task.add_done_callback(partial(self._ended, stream))

    async def _pump(self, stream: UUID, after: int, window: _Window) -> None:
        """Send the events of one stream, as fast as the client acknowledges them."""
        if not await self._viewer.may_follow(stream):
            await self._refuse(stream, "not_found", "There is no such stream.")
            return
        async for batch in follow(stream, after, shortcut=partial(self._send_now, window), may_return=True):
            while batch:
                await window.wait_for_room()
                part, batch = _split(batch, window.room)
                window.add(part)
                await self._sender.send(_message(part))

    def _send_now(self, window: _Window, events: list[EncodedEvent]) -> bool:
        if len(events) > window.room or not self._sender.can_send:
            return False
        message = _message(events)
        if len(message["text"]) > MESSAGE_BYTES:
            return False
        self._sender.send_now(message)
        window.add(events)
        return True

    def _ended(self, stream: UUID, task: asyncio.Task[None]) -> None:
        if self._following.get(stream) is task:
            del self._windows[stream], self._following[stream]
        if not task.cancelled() and task.exception() is not None and not self._closed:
            logger.error("following %s failed", stream, exc_info=task.exception())
            self._closing = asyncio.ensure_future(self._close_with(FAILED))  # the client reconnects and resumes

    async def _watch(self) -> None:
        """Recheck and send heartbeats as long as the connection lasts. On a failure the client has to reconnect."""
        try:
            await self._recheck_forever()
        except Exception:
            logger.exception("the access of a socket could not be rechecked")
            await self._close_with(FAILED)

    async def _recheck_forever(self) -> None:
        """Every heartbeat recheck whether the user is logged in and may follow each stream, then send a heartbeat."""
        while True:
            await asyncio.sleep(settings.STREAMS_HEARTBEAT_SECONDS)
            streams = set(self._following)
            allowed = await self._viewer.recheck(streams)
            if allowed is None:
                await self._close_with(NOT_LOGGED_IN)
                return
            for stream in (streams - allowed) & self._following.keys():
                self._following[stream].cancel()
                await self._refuse(stream, "not_found", "There is no such stream.")
            await self._sender.send({"type": "websocket.send", "text": control("", Control.HEARTBEAT).decode()})

    async def _refuse(self, stream: UUID | None, code: str, message: str) -> None:
        envelope = control(stream or "", Control.REFUSED, code=code, message=message)
        await self._sender.send({"type": "websocket.send", "text": envelope.decode()})

    async def _close_with(self, code: int) -> None:
        await self.close()
        with contextlib.suppress(Exception):  # the client may have disconnected
            await self._sender.send({"type": "websocket.close", "code": code})


def _split(batch: list[EncodedEvent], room: int) -> tuple[list[EncodedEvent], list[EncodedEvent]]:
    """Split `batch` into the events of the next message, and the rest."""
    size = 0
    for count, event in enumerate(batch[:room], 1):
        size += len(event.envelope)
        if size >= MESSAGE_BYTES:
            return batch[:count], batch[count:]
    return batch[:room], batch[room:]


def _message(events: list[EncodedEvent]) -> Message:
    """Return one WebSocket message: an envelope, or an array of several."""
    if len(events) == 1:
        return {"type": "websocket.send", "text": events[0].envelope.decode()}
    return {"type": "websocket.send", "text": (b"[%b]" % b",".join([event.envelope for event in events])).decode()}


def _parse(text: str | None) -> dict[str, Any]:
    if text is None or len(text) > MAX_MESSAGE_CHARACTERS:
        raise _BadMessage
    try:
        message = orjson.loads(text)
    except ValueError:
        raise _BadMessage from None
    if not isinstance(message, dict):
        raise _BadMessage
    return message


def _uuid(name: object) -> UUID | None:
    try:
        return UUID(name) if isinstance(name, str) else None
    except ValueError:
        return None
