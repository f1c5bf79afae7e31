"""Log, commit, then send: the events of all runs of a worker's engine, in one transaction every few milliseconds."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from django.conf import settings

from streams.eventloop import is_cancelling
from streams.events import Event
from streams.log.batch import BatchLog, Conflict, Unavailable, by_stream

logger = logging.getLogger(__name__)

PENDING_EVENTS = 20_000  # events waiting for the database after which the runs have to wait: 1 s at full load,
PENDING_BYTES = 16 * 1024 * 1024  # or so many bytes of them
EVENT_SECONDS = 60e-6  # s that all parts together spend on one event. A tick whose events take longer than itself
LONGEST_TICK_SECONDS = 0.02  # s grows up to this, unless the setting is longer
RETRY_SECONDS = 0.25  # s between attempts while the database is unavailable


class AppendCursor:
    """One writer's position in one stream. `seq` is the last seq used, `fenced` whether another writer has ended it."""

    __slots__ = ("fenced", "on_fenced", "seq", "stream")

    def __init__(self, stream: UUID, seq: int, on_fenced: Callable[[], None]) -> None:
        self.stream, self.seq, self.on_fenced, self.fenced = stream, seq, on_fenced, False


class WriterState(NamedTuple):
    """A writer's metrics; counters start with the writer."""

    waiting_events: int  # written, not committed yet
    waiting_bytes: int  # of their data
    batches: int
    events: int  # committed
    commit_seconds: float  # of all batches
    last_commit_seconds: float
    fenced: int  # runs that were ended elsewhere


class EventSender(Protocol):
    def put(self, events: Sequence[Event]) -> None:
        """Send committed events to their followers. Returns at once."""


class BatchWriter:
    """Writes the events of many streams together. Lives in one event loop; all methods are for that loop.

    One commit is in flight at a time. An event that arrives while the writer is idle is written at once; while it is
    busy the next batch starts a tick after the previous one, or when that is committed, whichever is later. The events
    of a batch share its cost, so the tick grows when more events arrive than one tick can process.
    """

    def __init__(self, log: BatchLog, sender: EventSender) -> None:
        self._log, self._sender = log, sender
        self._pending: list[Event] = []
        self._cursors: dict[UUID, AppendCursor] = {}
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()  # of the batch being collected
        self._in_flight: asyncio.Future[None] | None = None
        self._waiting_events = self._waiting_bytes = 0  # pending and in flight
        self.batches = self.events = self.fenced = 0
        self.commit_seconds = self.last_commit_seconds = 0.0

    def state(self) -> WriterState:
        waiting = self._waiting_events, self._waiting_bytes
        return WriterState(
            *waiting, self.batches, self.events, self.commit_seconds, self.last_commit_seconds, self.fenced
        )

    def open(self, stream: UUID, seq: int, on_fenced: Callable[[], None]) -> AppendCursor:
        """Return a cursor that appends after `seq`. Calls `on_fenced` once if another writer has ended the stream."""
        cursor = self._cursors[stream] = AppendCursor(stream, seq, on_fenced)
        return cursor

    def close(self, cursor: AppendCursor) -> None:
        if self._cursors.get(cursor.stream) is cursor:
            del self._cursors[cursor.stream]

    def write(self, cursor: AppendCursor, kind: str, data: bytes) -> None:
        """Append one event (`data`: JSON text). It is in the log after `flush`."""
        if cursor.fenced:
            return
        cursor.seq += 1
        self._pending.append(Event(cursor.stream, cursor.seq, kind, data))
        self._wake.set()
        self._waiting_events += 1
        self._waiting_bytes += len(data)
        if self._waiting_events >= PENDING_EVENTS or self._waiting_bytes >= PENDING_BYTES:
            self._room.clear()

    @property
    def is_full(self) -> bool:
        """Whether so much is waiting for the database that callers of `write` have to await `wait_for_room`."""
        return not self._room.is_set()

    async def wait_for_room(self) -> None:
        """Wait until less is waiting for the database. Meanwhile the caller stops reading its upstream."""
        await self._room.wait()

    async def flush(self) -> None:
        """Wait until everything written so far is committed, or fenced."""
        done = self._done if self._pending else self._in_flight
        if done is not None:
            await asyncio.shield(done)

    async def run(self) -> None:
        while not is_cancelling():
            await self._wake.wait()
            self._wake.clear()
            started, count = time.monotonic(), len(self._pending)
            await self._write_batch()
            pause = tick(count) - (time.monotonic() - started)
            if pause > 0:
                await asyncio.sleep(pause)

    async def _write_batch(self) -> None:
        batch, self._pending = self._pending, []
        self._in_flight, self._done = self._done, asyncio.get_running_loop().create_future()
        started = time.monotonic()
        written = await self._commit(batch)
        self.batches += 1
        self.events += len(written)
        self.last_commit_seconds = time.monotonic() - started
        self.commit_seconds += self.last_commit_seconds
        if written:
            self._sender.put(written)
        self._subtract_waiting(batch)
        self._in_flight.set_result(None)
        self._in_flight = None

    def _subtract_waiting(self, events: Sequence[Event]) -> None:
        """Subtract events that are committed or fenced from what is waiting."""
        self._waiting_events -= len(events)
        self._waiting_bytes -= sum([len(event.data) for event in events])
        if self._waiting_events < PENDING_EVENTS and self._waiting_bytes < PENDING_BYTES:
            self._room.set()

    async def _commit(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Write `batch`, however long that takes. Return it without the events of fenced streams."""
        at = datetime.now(UTC)
        missing = batch
        while True:
            try:
                if missing:
                    await self._log.append(missing, at)
                return batch
            except Conflict:
                pass
            except Unavailable as error:
                logger.warning("the log is not available, trying again: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
            batch, missing = await self._reconcile(batch)

    async def _reconcile(self, batch: Sequence[Event]) -> tuple[Sequence[Event], Sequence[Event]]:
        """After a failed write, return `batch` without fenced streams, and those of its events not in the log yet.

        A write that was interrupted may have been committed. An event that is in the log exactly as it was written is
        ours; any other event at its seq is from another writer, which has fenced this one.
        """
        mine = by_stream(batch)
        try:
            stored = by_stream(await self._log.read_from({stream: events[0].seq for stream, events in mine.items()}))
        except Unavailable:
            await asyncio.sleep(RETRY_SECONDS)
            return batch, batch
        for stream, events in stored.items():
            if mine[stream][: len(events)] != events:
                self._fence(mine.pop(stream)[0].stream)
        kept = [event for event in batch if event.stream in mine]
        return kept, [event for event in kept if event not in stored.get(event.stream, ())]

    def _fence(self, stream: UUID) -> None:
        self.fenced += 1
        self._subtract_waiting([event for event in self._pending if event.stream == stream])
        self._pending = [event for event in self._pending if event.stream != stream]
        cursor = self._cursors.pop(stream, None)
        if cursor is not None:
            cursor.fenced = True
            cursor.on_fenced()


def tick(events: int) -> float:
    """Return the seconds between the starts of two batches, after a batch of so many events."""
    shortest: float = settings.STREAMS_TICK_SECONDS
    return max(shortest, min(events * EVENT_SECONDS, LONGEST_TICK_SECONDS))
