"""One connection of a page, for all the streams it follows: what the WebSocket and server-sent events have in common.

A task for each stream, and one that rechecks the viewer's access and sends heartbeats.
"""

import asyncio
import contextlib
import logging
from functools import partial
from uuid import UUID

from django.conf import settings

from streams.access import Viewer
from streams.delivery.hub import EncodedEvent
from streams.events import Control, control
from streams.transports.backpressure import ClientSender

logger = logging.getLogger(__name__)

MESSAGE_BYTES = 64 * 1024  # a message of this size gets no further event
MAX_STREAMS = 32  # streams one connection follows at once
BAD_MESSAGE, NOT_LOGGED_IN, TOO_MANY, FAILED = 4400, 4401, 4429, 4500  # closing codes; daphne sends none below 3000
# Also the first message, before anything is looked up: it tells the page that messages get through, as some proxies
# accept a WebSocket and pass nothing on.
HEARTBEAT = control("", Control.HEARTBEAT)


class PageConnection:
    """Subclasses send messages and follow one stream (`_pump`)."""

    def __init__(self, viewer: Viewer, sender: ClientSender) -> None:
        self._viewer, self._sender = viewer, sender
        self._following: dict[UUID, asyncio.Task[None]] = {}
        self._closed = False
        self._closing: asyncio.Task[None] | None = None  # asyncio itself keeps weak references only

    async def send_text(self, text: bytes) -> None:
        """Send one envelope, or a JSON array of several."""
        raise NotImplementedError

    async def send_close(self, code: int) -> None:
        """End the connection. May raise anything if the client has disconnected."""
        raise NotImplementedError

    async def _pump(self, stream: UUID, after: int) -> None:
        """Send the events of one stream."""
        raise NotImplementedError

    def forget(self, stream: UUID) -> None:
        """The stream is not followed any more."""
        del self._following[stream]

    async def close(self) -> None:
        self._closed = True
        tasks = list(self._following.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._sender.close()

    async def close_with(self, code: int) -> None:
        await self.close()
        with contextlib.suppress(Exception):  # the client may have disconnected
            await self.send_close(code)

    async def follow(self, stream: UUID | None, after: int) -> None:
        """Follow a stream from a position, also one that is followed already. None: its name is not an id."""
        if stream is None:
            await self.refuse(None, "not_found", "There is no such stream.")
        elif stream not in self._following and len(self._following) >= MAX_STREAMS:
            await self.refuse(stream, "too_many", f"A connection follows at most {MAX_STREAMS} streams.")
        else:
            if earlier := self._following.get(stream):
                earlier.cancel()
            task = self._following[stream] = asyncio.create_task(self._follow_allowed(stream, after))
            task.add_done_callback(partial(self._ended, stream))

    async def refuse(self, stream: UUID | None, code: str, message: str) -> None:
        await self.send_text(control(stream or "", Control.REFUSED, code=code, message=message))

    async def watch(self) -> None:
        """Recheck and send heartbeats as long as the connection lasts. On a failure the client has to reconnect."""
        try:
            await self._recheck_forever()
        except Exception:
            logger.exception("the access of a page could not be rechecked")
            await self.close_with(FAILED)

    async def _follow_allowed(self, stream: UUID, after: int) -> None:
        if await self._viewer.may_follow(stream):
            await self._pump(stream, after)
        else:
            await self.refuse(stream, "not_found", "There is no such stream.")

    def _ended(self, stream: UUID, task: asyncio.Task[None]) -> None:
        if self._following.get(stream) is task:
            self.forget(stream)
        if not task.cancelled() and task.exception() is not None and not self._closed:
            logger.error("following %s failed", stream, exc_info=task.exception())
            self._closing = asyncio.ensure_future(self.close_with(FAILED))  # the client reconnects and resumes

    async def _recheck_forever(self) -> None:
        """Every heartbeat recheck whether the user is logged in and may follow each stream, then send a heartbeat."""
        while True:
            await asyncio.sleep(settings.STREAMS_HEARTBEAT_SECONDS)
            streams = set(self._following)
            allowed = await self._viewer.recheck(streams)
            if allowed is None:
                await self.close_with(NOT_LOGGED_IN)
                return
            for stream in (streams - allowed) & self._following.keys():
                self._following[stream].cancel()
                await self.refuse(stream, "not_found", "There is no such stream.")
            await self.send_text(HEARTBEAT)


def joined(events: list[EncodedEvent]) -> bytes:
    """The text of one message: an envelope, or an array of several."""
    if len(events) == 1:
        return events[0].envelope
    return b"[%b]" % b",".join([event.envelope for event in events])


def split(batch: list[EncodedEvent], room: int) -> tuple[list[EncodedEvent], list[EncodedEvent]]:
    """Split `batch` into the events of the next message, at most `room`, and the rest."""
    size = 0
    for count, event in enumerate(batch[:room], 1):
        size += len(event.envelope)
        if size >= MESSAGE_BYTES:
            return batch[:count], batch[count:]
    return batch[:room], batch[room:]
