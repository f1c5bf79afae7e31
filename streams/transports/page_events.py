"""All streams of a page as server-sent events, for pages behind a proxy that lets no WebSocket through.

One response for all: browsers open six connections to a server that speaks HTTP/1.1, and a comparison alone follows
seven streams. A page that wants to follow another stream asks for another response. `docs/protocol.md` is the contract.
"""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from functools import partial
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from streams.access import Viewer, viewer_of
from streams.delivery.follow import follow
from streams.delivery.hub import EncodedEvent
from streams.events import encoded_id
from streams.transports.asgi_types import Message
from streams.transports.backpressure import ClientSender
from streams.transports.connection_limit import TooManyConnections
from streams.transports.page_connection import (
    HEARTBEAT,
    MAX_STREAMS,
    MESSAGE_BYTES,
    NOT_LOGGED_IN,
    TOO_MANY,
    PageConnection,
    joined,
    split,
)
from streams.transports.positions import position_of
from streams.transports.sse import EventStream, ResponseBody

BATCH_EVENTS = 512  # in one message


def positions_of(request: HttpRequest) -> dict[UUID, int]:
    """The streams to follow and where to start: `?follow=<stream>:<after>` for each. Others are ignored.

    `Last-Event-ID` is such a pair, too: that of the last message, whose stream starts no earlier.
    """
    positions: dict[UUID, int] = {}
    for name in request.GET.getlist("follow")[:MAX_STREAMS]:
        stream, after = _pair(name)
        if stream is not None:
            positions[stream] = after
    stream, after = _pair(request.headers.get("Last-Event-ID", ""))
    if stream in positions:
        positions[stream] = max(positions[stream], after)
    return positions


def _pair(text: str) -> tuple[UUID | None, int]:
    name, _, after = text.partition(":")
    try:
        return UUID(name), position_of(after)
    except ValueError:
        return None, 0


async def page_events(request: HttpRequest) -> HttpResponseBase:
    """The response for the page's log-in. A refusal is an event, too: an EventSource cannot see a status."""
    viewer = await viewer_of(request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""))
    if viewer is None:
        return _refusal(NOT_LOGGED_IN)
    try:
        return EventStream(PageBody(viewer, positions_of(request)))
    except TooManyConnections:
        return _refusal(TOO_MANY)


def _refusal(code: int) -> HttpResponse:
    return HttpResponse(_close_frame(code), content_type="text/event-stream", headers={"Cache-Control": "no-store"})


class PageBody(ResponseBody):
    """The body of the response: follows until the log-in or the connection ends."""

    __slots__ = ("_positions",)

    def __init__(self, viewer: Viewer, positions: Mapping[UUID, int]) -> None:
        super().__init__(viewer)
        self._positions = positions

    def _start(self) -> asyncio.Task[None]:
        return asyncio.ensure_future(_PageEvents(self._viewer, self._sender).serve(self._positions))


class _PageEvents(PageConnection):
    """The connection that writes the body."""

    def __init__(self, viewer: Viewer, sender: ClientSender) -> None:
        super().__init__(viewer, sender)
        self._has_ended = asyncio.Event()

    async def serve(self, positions: Mapping[UUID, int]) -> None:
        watch = asyncio.create_task(self.watch())
        try:
            await self.send_text(HEARTBEAT)  # daphne sends no headers before the first part of the body
            for stream, after in positions.items():
                await self.follow(stream, after)
            await self._has_ended.wait()
        finally:
            watch.cancel()
            await self.close()

    async def send_text(self, text: bytes) -> None:
        await self._sender.send(_body(b"data: %b\n\n" % text))

    async def send_close(self, code: int) -> None:
        """Send the code as an event, and end the response, whether or not that succeeds."""
        try:
            await self._sender.finish({"type": "http.response.body", "body": _close_frame(code)})
        finally:
            self._has_ended.set()

    async def _pump(self, stream: UUID, after: int) -> None:
        following = follow(stream, after, shortcut=partial(self._send_now, stream), may_return=True)
        async with aclosing(following) as batches:
            async for batch in batches:
                while batch:
                    part, batch = split(batch, BATCH_EVENTS)
                    await self._sender.send(_body(_frame(stream, part)))

    def _send_now(self, stream: UUID, events: list[EncodedEvent]) -> bool:
        if not self._sender.can_send:
            return False
        frame = _frame(stream, events)
        if len(frame) > MESSAGE_BYTES:
            return False
        self._sender.send_now(_body(frame))
        return True


def _frame(stream: UUID, events: list[EncodedEvent]) -> bytes:
    return b"id: %b:%d\ndata: %b\n\n" % (encoded_id(stream), events[-1].seq, joined(events))


def _close_frame(code: int) -> bytes:
    return b"event: close\ndata: %d\n\n" % code


def _body(frame: bytes) -> Message:
    return {"type": "http.response.body", "body": frame, "more_body": True}
