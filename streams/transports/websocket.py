"""The WebSocket: one for each page, for all the streams it follows. `docs/protocol.md` is its contract.

A plain ASGI application instead of a Channels consumer class, whose dispatch costs 0.4 ms for each message, sent or
received (ADR 3). `streams/transports/routing.py` checks the handshake.
"""

import asyncio
from collections import deque
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from streams.access import Viewer, viewer_of, viewer_with_token
from streams.delivery.follow import follow
from streams.delivery.hub import EncodedEvent
from streams.transports.asgi_types import Message, Receive, Scope, Send
from streams.transports.backpressure import ClientSender
from streams.transports.connection_limit import TooManyConnections, count_connection
from streams.transports.handshake_token import chosen_protocol, token_in
from streams.transports.page_connection import (
    BAD_MESSAGE,
    HEARTBEAT,
    MESSAGE_BYTES,
    NOT_LOGGED_IN,
    TOO_MANY,
    PageConnection,
    joined,
    split,
)
from streams.transports.positions import position_of

WINDOW_EVENTS = 256  # events of one stream sent and not acknowledged: what this process buffers for a dead phone,
WINDOW_BYTES = 256 * 1024  # and bytes of them. But
ACK_EVENTS = 64  # may always be in flight, because clients need not acknowledge more often
MAX_MESSAGE_CHARACTERS = 10_000  # of a client's message


async def stream_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one connection."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept", "subprotocol": chosen_protocol(scope)})
    await send(_message(HEARTBEAT))
    if token := token_in(scope):
        viewer = await viewer_with_token(token)
    else:
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


class _Socket(PageConnection):
    """One WebSocket."""

    def __init__(self, viewer: Viewer, send: Send) -> None:
        super().__init__(viewer, ClientSender(send, acknowledges=True))
        self._windows: dict[UUID, _Window] = {}

    async def serve(self, receive: Receive) -> None:
        watch = asyncio.create_task(self.watch())
        try:
            while (message := await receive())["type"] == "websocket.receive":
                await self._handle(message.get("text"))
        except _BadMessage:
            await self.close_with(BAD_MESSAGE)
        finally:
            watch.cancel()

    async def reject(self, code: str, message: str) -> None:
        await self.refuse(None, code, message)
        await self.close_with(TOO_MANY)

    async def send_text(self, text: bytes) -> None:
        await self._sender.send(_message(text))

    async def send_close(self, code: int) -> None:
        await self._sender.send({"type": "websocket.close", "code": code})

    def forget(self, stream: UUID) -> None:
        super().forget(stream)
        self._windows.pop(stream, None)

    async def _handle(self, text: str | None) -> None:
        message = _parse(text)
        match message:
            case {"follow": name}:
                await self.follow(_uuid(name), position_of(message.get("after", 0)))
            case {"unfollow": name}:
                if (stream := _uuid(name)) and (task := self._following.get(stream)):
                    task.cancel()
            case {"ack": dict(seqs)}:
                for name, seq in seqs.items():
                    if (stream := _uuid(name)) and (window := self._windows.get(stream)):
                        window.ack(position_of(seq))
            case _:
                raise _BadMessage

    async def _pump(self, stream: UUID, after: int) -> None:
        """Send the events of one stream, as fast as the client acknowledges them."""
        window = self._windows[stream] = _Window()
        async for batch in follow(stream, after, shortcut=partial(self._send_now, window), may_return=True):
            while batch:
                await window.wait_for_room()
                part, batch = split(batch, window.room)
                window.add(part)
                await self.send_text(joined(part))

    def _send_now(self, window: _Window, events: list[EncodedEvent]) -> bool:
        if len(events) > window.room or not self._sender.can_send:
            return False
        text = joined(events)
        if len(text) > MESSAGE_BYTES:
            return False
        self._sender.send_now(_message(text))
        window.add(events)
        return True


def _message(text: bytes) -> Message:
    return {"type": "websocket.send", "text": text.decode()}


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
