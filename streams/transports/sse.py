"""The SSE edge: one stream as server-sent events."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from math import ceil
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from streams.access import Viewer
from streams.delivery.follow import follow
from streams.delivery.hub import EncodedEvent, in_reader_thread
from streams.log import store
from streams.transports.backpressure import ClientSender
from streams.transports.connection_limit import TooManyConnections, count_connection
from streams.transports.positions import position_of

logger = logging.getLogger(__name__)

RETRY_MS = (500, 1500)  # after which an EventSource comes back, at random: not all at once after a restart
HEARTBEAT = b": heartbeat\n"  # without an empty line, which makes an event without data for some clients
BODY_BYTES = 2**16  # handed to the server at once: as much as uvicorn and twisted buffer before they say stop


def start_position(request: HttpRequest) -> int:
    """Where to begin: the larger of `?after=` and `Last-Event-ID`; `position_of` says how they are read (B25)."""
    return max(map(position_of, (request.GET.get("after", ""), request.headers.get("Last-Event-ID", ""))))


class Framing:
    """How the events of a stream are written to one client. Who speaks another protocol over SSE has another one."""

    _has_begun = False

    def frames(self, events: list[EncodedEvent]) -> bytes:
        """Events that come next, each of them told once. Empty: there is nothing to say about them."""
        if not self._has_begun:
            return self._begin() + b"".join(map(frame, events))
        return frame(events[0]) if len(events) == 1 else b"".join(map(frame, events))

    def _begin(self) -> bytes:
        """A field of the first event: without it browsers would come back after 3 s only. No event of its own, which
        some clients would hand on, empty."""
        self._has_begun = True
        return b"retry: %d\n" % random.randint(*RETRY_MS)

    def end(self) -> bytes:
        """The last words before the response ends, be it after the final event or before it."""
        return b""


async def event_stream(request: HttpRequest, viewer: Viewer, stream: UUID) -> HttpResponseBase:
    """The response that follows `stream` for `viewer`.

    Raises Http404 where he may not, TooManyConnections where he has too many already. 204 where the stream has ended
    and everything is known: it tells an EventSource not to come back.
    """
    if not await viewer.may_follow(stream):
        raise Http404
    after = start_position(request)
    head = await in_reader_thread(store.head, stream)
    if head.is_sealed and head.seq == after:
        return HttpResponse(status=204)
    return EventStream(None if request.method == "HEAD" else EventBody(viewer, stream, after))


async def page_stream(request: HttpRequest, viewer: Viewer, stream: UUID) -> HttpResponseBase:
    """`event_stream` for pages, whose refusals have no shape but their status."""
    try:
        return await event_stream(request, viewer, stream)
    except TooManyConnections as refusal:
        headers = {"Retry-After": str(ceil(refusal.retry_after))}
        return HttpResponse(refusal.message, status=refusal.status, headers=headers)


class EventStream(StreamingHttpResponse):
    """A response whose body begins when Django has done its part, see `streams.transports.asgi`."""

    def __init__(self, body: "EventBody | None") -> None:
        super().__init__(_empty_body(), content_type="text/event-stream")
        self["Cache-Control"] = "no-cache"
        self["X-Accel-Buffering"] = "no"
        self.body = body


async def _empty_body() -> AsyncIterator[bytes]:
    for part in ():
        yield part


class EventBody:
    """The frames of a stream on their way to one client; access is asked again every heartbeat."""

    __slots__ = (
        "__weakref__",  # `hold` counts this body for as long as it lives
        "_after",
        "_asking",
        "_framing",
        "_held",
        "_is_refused",
        "_sender",
        "_sending",
        "_stream",
        "_viewer",
    )

    def __init__(self, viewer: Viewer, stream: UUID, after: int, framing: Framing | None = None) -> None:
        """Raises TooManyConnections. Counts from now on, and until it is served or forgotten."""
        self._held = count_connection(viewer.user_id, self)
        self._viewer, self._stream, self._after = viewer, stream, after
        self._framing = framing or Framing()
        self._asking: asyncio.Task | None = None
        self._is_refused = False  # the viewer may not follow any more, or nobody can say whether he may

    async def serve(self, receive, send) -> None:
        """Send frames until the final event, or until the client has gone."""
        self._sender = ClientSender(send)
        self._sending = asyncio.ensure_future(self._send_all())
        gone = asyncio.ensure_future(_wait_for_disconnect(receive))
        try:
            await asyncio.wait((self._sending, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            tasks = [task for task in (self._sending, gone, self._asking) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._sender.close()
            self._held()

    async def _send_all(self) -> None:
        """If reading fails the response ends, and the client comes back. An exception would leave it open:

        daphne wants to answer 500, has begun already, and from then on it looks after no connection any more.
        """
        try:
            await self._send_frames()
        except asyncio.CancelledError:
            if not self._is_refused:
                raise
        except Exception:
            logger.exception("following %s failed", self._stream)
        await self._sender.finish({"type": "http.response.body", "body": self._framing.end()})

    async def _send_frames(self) -> None:
        heartbeat = settings.STREAMS_HEARTBEAT_SECONDS
        clock = asyncio.get_running_loop().time
        checked = clock()
        async with aclosing(self._frames(heartbeat)) as said:
            async for frames in said:
                for body in _split_body(frames):
                    await self._sender.send({"type": "http.response.body", "body": body, "more_body": True})
                if clock() - checked >= heartbeat:
                    checked = clock()
                    self._ask_again()

    def _ask_again(self) -> None:
        """Find out whether the viewer may still follow; what comes meanwhile is sent."""
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._viewer.recheck([self._stream]))
            self._asking.add_done_callback(self._answered)

    def _answered(self, asking: asyncio.Task) -> None:
        self._asking = None
        if asking.cancelled() or (asking.exception() is None and asking.result()):
            return
        if asking.exception() is not None:
            logger.error("following %s failed", self._stream, exc_info=asking.exception())
        self._is_refused = True
        self._sending.cancel()

    async def _frames(self, heartbeat: float) -> AsyncIterator[bytes]:
        """What is to be sent, as it comes; a heartbeat after so many seconds of silence."""
        if self._after:  # there may be no news for long, and daphne sends no head before it has something of the body
            yield HEARTBEAT
        async with aclosing(follow(self._stream, self._after, heartbeat, self._send_now)) as batches:
            async for batch in batches:
                yield self._framing.frames(batch) if batch else HEARTBEAT

    def _send_now(self, events: list[EncodedEvent]) -> bool:
        if not self._sender.can_send:  # asked first: a framing is told of each event once
            return False
        if body := self._framing.frames(events):
            self._sender.send_now({"type": "http.response.body", "body": body, "more_body": True})
        return True


def _split_body(frames: bytes) -> Iterator[bytes]:
    """Frames in pieces of BODY_BYTES, so that a client that reads slowly costs no more."""
    for start in range(0, len(frames), BODY_BYTES):
        yield frames[start : start + BODY_BYTES]


async def _wait_for_disconnect(receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def frame(event: EncodedEvent) -> bytes:
    """An event as one server-sent event, with its seq as the id."""
    return b"id: %d\ndata: %b\n\n" % (event.seq, event.envelope)
