"""The SSE edge: one stream as server-sent events."""

import asyncio
import logging
from collections.abc import AsyncIterator
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from streams import log
from streams.access import Viewer
from streams.follow import follow
from streams.hub import Live, read_log

logger = logging.getLogger(__name__)

HEARTBEAT = b": heartbeat\n\n"


def position(request: HttpRequest) -> int:
    """Where to begin: the larger of `?after=` and `Last-Event-ID`; what is no natural number counts as 0 (B25)."""
    candidates = (request.GET.get("after", ""), request.headers.get("Last-Event-ID", ""))
    return max(int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0 for text in candidates)


async def event_stream(request: HttpRequest, viewer: Viewer, stream: UUID) -> HttpResponseBase:
    """The response that follows `stream` for `viewer`.

    Raises Http404 where he may not. 204 where the stream has ended and everything is known: it tells an EventSource
    not to come back.
    """
    if not await viewer.may_follow(stream):
        raise Http404
    after = position(request)
    head = await read_log(log.head, stream)
    if head.is_sealed and head.seq == after:
        return HttpResponse(status=204)
    response = StreamingHttpResponse(_frames(viewer, stream, after), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


async def _frames(viewer: Viewer, stream: UUID, after: int) -> AsyncIterator[bytes]:
    """Frames, batch by batch; access is asked again every heartbeat, also on a stream that never falls silent.

    If reading fails the response ends, and the client comes back. An exception would leave it open: daphne wants to
    answer 500, has begun already, and from then on it looks after no connection any more.
    """
    clock = asyncio.get_running_loop().time
    checked = clock()
    try:
        async for batch in follow(stream, after, settings.STREAMS_HEARTBEAT_SECONDS):
            yield b"".join(map(frame, batch)) or HEARTBEAT
            if clock() - checked >= settings.STREAMS_HEARTBEAT_SECONDS:
                checked = clock()
                if not await viewer.may_follow(stream):
                    return
    except Exception:
        logger.exception("following %s failed", stream)


def frame(event: Live) -> bytes:
    """An event as one server-sent event, with its seq as the id."""
    return b"id: %d\ndata: %b\n\n" % (event.seq, event.envelope)
