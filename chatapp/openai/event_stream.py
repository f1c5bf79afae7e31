"""A run's stream on its way to a program, in the words of its protocol."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Protocol
from uuid import UUID

from chatapp.openai.full_stream import Said, follow_original
from runs.models import Run
from streams.access import Viewer
from streams.delivery.hub import in_reader_thread
from streams.transports.sse import HEARTBEAT, EventBody

DONE = b"data: [DONE]\n\n"


class Teller(Protocol):
    """Tells in a protocol what a run says. It is told every event once, from the first one on."""

    def tell(self, said: Said, finished_at: datetime | None) -> bytes:
        """The frames for one event; `finished_at` comes with the final one."""


class ToldBody(EventBody):
    """The body of a response that follows a run. When its client leaves, it follows no more."""

    __slots__ = ("_teller",)

    def __init__(self, viewer: Viewer, stream: UUID, teller: Teller) -> None:
        super().__init__(viewer, stream, 0)
        self._teller = teller

    async def _frames(self, heartbeat: float) -> AsyncIterator[bytes]:
        """Silence becomes a heartbeat. So does a beginning without news: daphne sends no head before a body."""
        is_begun = False
        async with aclosing(follow_original(self._stream, heartbeat)) as batches:
            async for batch in batches:
                finished_at = await end_of(self._stream, batch)
                frames = b"".join([self._teller.tell(said, finished_at) for said in batch])
                is_silent, is_begun = not (batch and is_begun), True
                yield frames or (HEARTBEAT if is_silent else b"")


async def end_of(stream: UUID, batch: list[Said]) -> datetime | None:
    """When the run ended, if the batch tells of its end. None also where it has been deleted."""
    if not (batch and batch[-1].is_final):
        return None
    return await in_reader_thread(lambda: Run.objects.filter(pk=stream).values_list("finished_at", flat=True).first())
