"""From what an upstream says to the events of one run's stream."""

from collections.abc import Callable
from uuid import UUID

import orjson
from django.conf import settings

from runs.errors import EmptyAnswer, RunError, UpstreamTooLarge
from runs.upstream.chunks import FINISH, Delta, split
from streams.delivery.writer import BatchWriter
from streams.events import Kind

MAX_RETRIES = 3  # times the upstream is asked again
DELTA_BYTES = 128 * 1024  # of an event's data: larger ones are cut; JSON makes up to six bytes of a character
BATCH_EVENTS = 1_000  # of one run in one commit: with more, those of all other runs would wait for it
MAX_EVENTS = 500_000  # of one run; its end folds them all
MAX_PAUSE_SECONDS = 60.0  # s: an upstream that wants to be left alone for longer has failed


class Recorder:
    """Writes one run's deltas through the process's batch writer. Lives in the engine's loop."""

    __slots__ = ("_batch", "_cursor", "_first", "_last", "_retries", "_said_something", "_writer", "finish_reason")

    def __init__(self, writer: BatchWriter, stream: UUID, after: int, on_fenced: Callable[[], None]) -> None:
        self._writer = writer
        self._cursor = writer.open(stream, after, on_fenced)
        self._said_something = False
        self._retries = 0
        self._first = after  # the last seq before what was handed in since
        self._batch = writer.batches  # so many had been written
        self._last = after + MAX_EVENTS
        self.finish_reason = ""

    def record(self, deltas: list[Delta]) -> None:
        """Hand in what was read. Raises UpstreamTooLarge."""
        before = self._cursor.seq
        for kind, data in deltas:
            if kind == FINISH:
                self.finish_reason = data["finish_reason"]
                continue
            self._said_something = self._said_something or kind != Kind.USAGE
            encoded = orjson.dumps(data)
            for piece in [encoded] if len(encoded) <= DELTA_BYTES else map(orjson.dumps, split(data)):
                self._writer.write(self._cursor, kind, piece)
        if self._batch != self._writer.batches:
            self._batch, self._first = self._writer.batches, before
        if self._cursor.seq > self._last:
            raise UpstreamTooLarge(f"more than {MAX_EVENTS} events")

    def is_full(self) -> bool:
        """Whether the database is behind, or this run has its share of it: then the upstream has to wait (B68)."""
        return self._writer.is_full or self._cursor.seq - self._first >= BATCH_EVENTS

    async def drain(self) -> None:
        await self._writer.wait_for_room()
        if self._cursor.seq - self._first >= BATCH_EVENTS:
            await self._writer.flush()
            self._first = self._cursor.seq

    def pause_before_retry(self, error: RunError) -> float | None:
        """How many seconds to wait before the upstream is asked again; None: not at all (B15).

        Only what is transient is tried again, only before the first token, and not for longer than readers wait.
        """
        if not error.is_transient or self._said_something or self._retries >= MAX_RETRIES:
            return None
        pause = settings.UPSTREAM_RETRY_SECONDS * 2**self._retries
        pause = max(pause, error.retry_after or 0)
        return pause if pause <= MAX_PAUSE_SECONDS else None

    async def note_retry(self, error: RunError, pause: float) -> None:
        """Tell the readers that it takes longer. Returns once the log has it: only who may still write asks again."""
        self._retries += 1
        self._writer.write(self._cursor, Kind.RETRYING, orjson.dumps({"code": error.code, "seconds": pause}))
        await self._writer.flush()

    def check(self) -> None:
        """Raise EmptyAnswer if the upstream has ended and said nothing."""
        if not self._said_something:
            raise EmptyAnswer

    async def close(self) -> None:
        """Wait until everything handed in is in the log."""
        try:
            await self._writer.flush()
        finally:
            self._writer.close(self._cursor)
