"""One stream as server-sent events (SSE)."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from math import ceil
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from streams.access import Viewer
from streams.delivery.follow import follow
from streams.delivery.hub import EncodedEvent, in_reader_thread
from streams.log import store
from streams.transports.asgi_types import Receive, Send
from streams.transports.backpressure import ClientSender
from streams.transports.connection_limit import TooManyConnections, count_connection
from streams.transports.positions import position_of

logger = logging.getLogger(__name__)

RETRY_MS = (500, 1500)  # after which an EventSource reconnects: random, so that not all do at once after a restart
HEARTBEAT = b": heartbeat\n"  # without an empty line, which makes an event without data for some clients
BODY_BYTES = 2**16  # passed to the server at once: as much as uvicorn and twisted buffer before they pause


def start_position(request: HttpRequest) -> int:
    """Return where to start: the larger of `?after=` and `Last-Event-ID`, parsed by `position_of` (B25)."""
    return max(map(position_of, (request.GET.get("after", ""), request.headers.get("Last-Event-ID", ""))))


class Framing:
    """Formats the events of a stream for one client. Subclasses format other protocols over SSE."""

    _has_begun = False

    def frames(self, events: list[EncodedEvent]) -> bytes:
        """Format the next events. Called once for each event. Empty: the protocol has nothing for them."""
        if not self._has_begun:
            return self._begin() + b"".join(map(frame, events))
        return frame(events[0]) if len(events) == 1 else b"".join(map(frame, events))

    def _begin(self) -> bytes:
        """Return the retry field, without which browsers reconnect after 3 s only. It belongs to the first event,
        because some clients would deliver a separate one, empty."""
        self._has_begun = True
        return b"retry: %d\n" % random.randint(*RETRY_MS)

    def end(self) -> bytes:
        """Return what is sent before the response ends, whether after the final event or before it."""
        return b""


async def event_stream(
    request: HttpRequest, viewer: Viewer, stream: UUID, *, may_return: bool = False
) -> HttpResponseBase:
    """Return the response that follows `stream` for `viewer`. `may_return`: it is a page, see `Hub.register`.

    Raises Http404 if the viewer may not follow it, and TooManyConnections. 204 if the stream has ended and the client
    has all of it: that tells an EventSource not to reconnect.
    """
    if not await viewer.may_follow(stream):
        raise Http404
    after = start_position(request)
    head = await in_reader_thread(store.head, stream)
    if head.is_sealed and head.seq == after:
        return HttpResponse(status=204)
    return EventStream(None if request.method == "HEAD" else EventBody(viewer, stream, after, may_return=may_return))


async def page_stream(request: HttpRequest, viewer: Viewer, stream: UUID) -> HttpResponseBase:
    """`event_stream` for pages, where a refusal is plain text."""
    try:
        return await event_stream(request, viewer, stream, may_return=True)
    except TooManyConnections as refusal:
        headers = {"Retry-After": str(ceil(refusal.retry_after))}
        return HttpResponse(refusal.message, status=refusal.status, headers=headers)


class EventStream(StreamingHttpResponse):
    """A response whose body starts when Django has done its part, see `streams.transports.asgi`."""

    def __init__(self, body: "ResponseBody | None") -> None:
        super().__init__(_empty_body(), content_type="text/event-stream")
        self["Cache-Control"] = "no-cache"
        self["X-Accel-Buffering"] = "no"
        self.body = body


async def _empty_body() -> AsyncIterator[bytes]:
    parts: tuple[bytes, ...] = ()
    for part in parts:
        yield part


class ResponseBody:
    """The body of a response to one client, which is counted as a connection of its user."""

    __slots__ = (
        "__weakref__",  # the connection is counted for as long as this object lives
        "_release",
        "_sender",
        "_viewer",
    )

    def __init__(self, viewer: Viewer) -> None:
        """Count the connection until it has been served, or this object is collected. Raises TooManyConnections."""
        self._release = count_connection(viewer.user_id, self)
        self._viewer = viewer

    async def serve(self, receive: Receive, send: Send) -> None:
        """Send until there is nothing more to send, or until the client disconnects."""
        self._sender = ClientSender(send)
        sending = self._start()
        disconnect = asyncio.ensure_future(_wait_for_disconnect(receive))
        try:
            await asyncio.wait((sending, disconnect), return_when=asyncio.FIRST_COMPLETED)
        finally:
            tasks: list[asyncio.Task[Any]] = [sending, disconnect, *self._other_tasks()]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._sender.close()
            self._release()

    async def discard(self) -> None:
        """Release what it holds: the client left before it was served."""
        self._release()

    def _start(self) -> "asyncio.Task[None]":
        """Start the task that sends."""
        raise NotImplementedError

    def _other_tasks(self) -> "list[asyncio.Task[Any]]":
        """Those to end with it."""
        return []


class EventBody(ResponseBody):
    """The body of an event stream to one client. Access is rechecked every heartbeat."""

    __slots__ = (
        "_after",
        "_framing",
        "_is_access_lost",
        "_may_return",
        "_recheck",
        "_sending",
        "_stream",
    )

    def __init__(
        self, viewer: Viewer, stream: UUID, after: int, framing: Framing | None = None, *, may_return: bool = False
    ) -> None:
        super().__init__(viewer)
        self._stream, self._after = stream, after
        self._framing, self._may_return = framing or Framing(), may_return
        self._recheck: asyncio.Task[set[UUID] | None] | None = None
        self._is_access_lost = False  # or could not be rechecked

    def _start(self) -> asyncio.Task[None]:
        self._sending = asyncio.ensure_future(self._send_all())
        return self._sending

    def _other_tasks(self) -> list[asyncio.Task[Any]]:
        return [] if self._recheck is None else [self._recheck]

    async def _send_all(self) -> None:
        """Send the frames, and end the response even if reading fails, so that the client reconnects.

        An exception would leave the response open: daphne tries to answer 500 although it has sent headers, and then
        no longer serves any connection.
        """
        try:
            await self._send_frames()
        except asyncio.CancelledError:
            if not self._is_access_lost:
                raise
        except Exception:
            logger.exception("following %s failed", self._stream)
        await self._sender.finish({"type": "http.response.body", "body": self._framing.end()})

    async def _send_frames(self) -> None:
        heartbeat = settings.STREAMS_HEARTBEAT_SECONDS
        clock = asyncio.get_running_loop().time
        checked = clock()
        async with aclosing(self._frames(heartbeat)) as parts:
            async for frames in parts:
                for body in _split_body(frames):
                    await self._sender.send({"type": "http.response.body", "body": body, "more_body": True})
                if clock() - checked >= heartbeat:
                    checked = clock()
                    self._start_recheck()

    def _start_recheck(self) -> None:
        """Check whether the viewer may still follow. Events are sent meanwhile."""
        if self._recheck is None:
            self._recheck = asyncio.ensure_future(self._viewer.recheck([self._stream]))
            self._recheck.add_done_callback(self._rechecked)

    def _rechecked(self, task: asyncio.Task[set[UUID] | None]) -> None:
        self._recheck = None
        if task.cancelled() or (task.exception() is None and task.result()):
            return
        if task.exception() is not None:
            logger.error("following %s failed", self._stream, exc_info=task.exception())
        self._is_access_lost = True
        self._sending.cancel()

    async def _frames(self, heartbeat: float) -> AsyncGenerator[bytes, None]:
        """Yield frames as events arrive, and a heartbeat after so many seconds without one."""
        if self._after:  # the next event may be far off, and daphne sends no headers before the first part of the body
            yield HEARTBEAT
        following = follow(self._stream, self._after, heartbeat, self._send_now, self._may_return)
        async with aclosing(following) as batches:
            async for batch in batches:
                yield self._framing.frames(batch) if batch else HEARTBEAT

    def _send_now(self, events: list[EncodedEvent]) -> bool:
        if not self._sender.can_send:  # checked first: a framing gets each event once
            return False
        if body := self._framing.frames(events):
            self._sender.send_now({"type": "http.response.body", "body": body, "more_body": True})
        return True


def _split_body(frames: bytes) -> Iterator[bytes]:
    """Split frames into parts of BODY_BYTES: no more is buffered for a client that reads slowly."""
    for start in range(0, len(frames), BODY_BYTES):
        yield frames[start : start + BODY_BYTES]


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def frame(event: EncodedEvent) -> bytes:
    """Format an event as one server-sent event whose id is its seq."""
    return b"id: %d\ndata: %b\n\n" % (event.seq, event.envelope)
