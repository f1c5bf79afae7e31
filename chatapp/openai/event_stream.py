"""The body of a streamed response: a run's events, encoded in the client's protocol."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.conf import settings

from chatapp.openai.full_stream import RunEvent, follow_full_stream
from runs.models import Run
from streams.access import Viewer
from streams.delivery.hub import in_reader_thread
from streams.events import Kind
from streams.transports.sse import HEARTBEAT, EventBody

OUTPUT = {Kind.TEXT, Kind.REASONING, Kind.TOOL}
DONE = b"data: [DONE]\n\n"


class EventEncoder(Protocol):
    """Encodes a run's events. Gets each event once, starting with the first."""

    def encode(self, run_event: RunEvent, finished_at: datetime | None) -> bytes:
        """The frames for one event; `finished_at` is set for the final one."""


class EncodedBody(EventBody):
    """Follows a run until it ends or the client disconnects."""

    __slots__ = ("_batches", "_early", "_encoder")

    def __init__(self, viewer: Viewer, stream: UUID, encoder: EventEncoder) -> None:
        super().__init__(viewer, stream, 0)
        self._encoder = encoder
        self._early: list[list[RunEvent]] = []  # batches that were received before the head was sent
        self._batches = follow_full_stream(stream, settings.STREAMS_HEARTBEAT_SECONDS)

    async def final_without_output(self) -> RunEvent | None:
        """Wait for output, for the end, or for one heartbeat of silence. Returns a final event without output before.

        So that what fails before its first token is an error with a status, instead of a stream. If this is cancelled,
        the run has lost its follower.
        """
        async for batch in self._batches:
            self._early.append(batch)
            if not batch or any(run_event.kind in OUTPUT for run_event in batch):
                return None
            if batch[-1].is_final:
                return batch[-1]
        return None

    async def discard(self) -> None:
        """Report at once that the run has no follower any more: it may have had one for its first events (B42)."""
        await self._batches.aclose()
        await super().discard()

    async def _frames(self, heartbeat: float) -> AsyncIterator[bytes]:
        """Yield frames, and heartbeats during silence and at an empty start: daphne sends no head before a body."""
        is_begun = False
        async with aclosing(self._all_batches()) as batches:
            async for batch in batches:
                finished_at = await finish_time(self._stream, batch)
                frames = b"".join([self._encoder.encode(run_event, finished_at) for run_event in batch])
                is_silent, is_begun = not (batch and is_begun), True
                yield frames or (HEARTBEAT if is_silent else b"")

    async def _all_batches(self) -> AsyncIterator[list[RunEvent]]:
        async with aclosing(self._batches):
            while self._early:
                yield self._early.pop(0)
            async for batch in self._batches:
                yield batch


async def finish_time(stream: UUID, batch: list[RunEvent]) -> datetime | None:
    """When the run ended, if the batch has its final event. None also if the run has been deleted."""
    if not (batch and batch[-1].is_final):
        return None
    return await in_reader_thread(lambda: Run.objects.filter(pk=stream).values_list("finished_at", flat=True).first())
