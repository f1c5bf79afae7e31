"""Follow a stream: history after a position, then live, without a gap and without a duplicate (B23, B26).

The order makes it correct: register at the hub first, then read the log, then take the hub's events. An event that is
committed in between is in both; events that are not above the position are dropped, and a gap is filled from the log
before any later event is yielded.
"""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncGenerator, Callable
from itertools import accumulate
from uuid import UUID

from streams.delivery.hub import EncodedEvent, Follower, hub, in_reader_thread
from streams.events import FINAL_KINDS, Control, control, encode_envelope, encoded_id
from streams.log import store

FIRST_PAGE_EVENTS = 100  # few, so that they are on the reader's screen at once
PAGE_BYTES = 256 * 1024  # of data in a page; a client that has stopped reading keeps two pages in memory
IDLE_SECONDS = 15.0  # s of silence after which an empty batch is yielded

Shortcut = Callable[[list[EncodedEvent]], bool]
Page = tuple[list[EncodedEvent], int, bool]  # events, their bytes, and whether the log has no more


async def follow(
    stream: UUID,
    after: int = 0,
    idle: float = IDLE_SECONDS,
    shortcut: Shortcut | None = None,
    may_return: bool = False,
) -> AsyncGenerator[list[EncodedEvent], None]:
    """Yield all events after seq `after`, batch by batch, until the final event.

    While this waits, the next events go to `shortcut` directly, which costs no switch of tasks. It accepts all of them
    (True) or does nothing (False): then they are yielded. Final events are always yielded.
    After `idle` seconds without a batch an empty one is yielded. If `after` is beyond the end of the stream, a `resync`
    is yielded first, then all events. A stream that has ended and has no event after `after` yields nothing.
    `may_return`: the reader is a page, see `Hub.register`.

    The events of a stream without a log have the seq 0. It starts with `live`, which is repeated whenever the reader
    was too slow and has missed some.
    """
    cursor = Cursor(stream, max(after, 0))
    follower = await hub().register(stream, may_return)
    try:
        async for batch in cursor.read_history(follower):
            yield batch
        if cursor.has_no_log:
            yield [cursor.live()]
        if not cursor.is_ended and cursor.seq == after > 0:
            head = await in_reader_thread(store.head, stream)
            if head.seq < after:
                yield [cursor.resync(head.seq)]
                follower.fall_behind()
            cursor.is_ended = head.is_sealed and head.seq == after
        if shortcut is not None:
            cursor.shortcut, follower.shortcut = shortcut, cursor.take_shortcut
        while not cursor.is_ended:
            events = await follower.take(idle)
            if follower.is_behind or cursor.has_gap(events):
                follower.is_behind = False
                async for batch in cursor.read_history(follower):
                    yield batch
                if cursor.has_no_log:
                    yield [cursor.live()]
            fresh = cursor.advance(events)
            if fresh or not events:
                yield fresh
    finally:
        follower.is_ended = cursor.is_ended
        hub().unregister(follower)


class Cursor:
    """A reader's position in a stream."""

    __slots__ = ("is_ended", "seq", "shortcut", "stream")

    def __init__(self, stream: UUID, seq: int) -> None:
        self.stream, self.seq, self.is_ended = stream, seq, False
        self.shortcut: Shortcut = _decline

    async def read_history(self, follower: Follower) -> AsyncGenerator[list[EncodedEvent], None]:
        """Yield all that the log has after this position: a small page at first, then pages of about PAGE_BYTES.

        The next page is read while one is processed.
        """
        reading = None if self.is_ended else self._read(FIRST_PAGE_EVENTS)
        try:
            while reading is not None:
                page, size, is_whole = await reading
                reading = None
                if page:
                    self.seq, self.is_ended = page[-1].seq, page[-1].is_final
                    follower.last_seq = max(follower.last_seq, self.seq)
                    if not is_whole and not self.is_ended:
                        reading = self._read(max(1, min(store.PAGE_EVENTS, PAGE_BYTES * len(page) // size)))
                    yield page
        finally:
            if reading is not None:
                reading.cancel()

    def _read(self, limit: int) -> asyncio.Future[Page]:
        return asyncio.ensure_future(in_reader_thread(_read_page, self.stream, self.seq, limit))

    def has_gap(self, events: list[EncodedEvent]) -> bool:
        seq = self.seq
        for event in events:
            if event.seq > seq + 1:
                return True
            seq = max(seq, event.seq)
        return False

    def advance(self, events: list[EncodedEvent]) -> list[EncodedEvent]:
        """Return those of the live events that come next, and those without a seq."""
        fresh = []
        for event in events:
            if event.seq == 0:
                fresh.append(event)
            elif event.seq == self.seq + 1 and not self.is_ended:
                self.seq, self.is_ended = event.seq, event.is_final
                fresh.append(event)
        return fresh

    def take_shortcut(self, events: list[EncodedEvent]) -> bool:
        """Pass live events that come next to the shortcut. Only while no earlier event is queued."""
        last = events[-1]
        if last.seq == 0:  # of a stream without a log
            return False
        if last.seq <= self.seq:
            return True
        if events[0].seq != self.seq + 1 or last.is_final or not self.shortcut(events):
            return False
        self.seq = last.seq
        return True

    @property
    def has_no_log(self) -> bool:
        """Whether the stream had no event when the log was read. A logged stream has its first one from the start."""
        return self.seq == 0

    def live(self) -> EncodedEvent:
        return EncodedEvent(0, False, control(self.stream, Control.LIVE))

    def resync(self, last_seq: int) -> EncodedEvent:
        self.seq = 0
        return EncodedEvent(0, False, control(self.stream, Control.RESYNC, last_seq=last_seq))


def _decline(events: list[EncodedEvent]) -> bool:
    return False


def _read_page(stream: UUID, after: int, limit: int) -> Page:
    """Read up to `limit` events after seq `after`: hardly more than twice PAGE_BYTES."""
    rows, name = store.read_rows(stream, after, limit), encoded_id(stream)
    page = [EncodedEvent(seq, kind in FINAL_KINDS, encode_envelope(name, seq, kind, data)) for seq, kind, data in rows]
    sizes = list(accumulate(len(event.envelope) for event in page))
    if sizes and sizes[-1] > 2 * PAGE_BYTES:
        fitting = bisect_left(sizes, PAGE_BYTES) + 1
        return page[:fitting], sizes[fitting - 1], False
    return page, sizes[-1] if sizes else 0, len(rows) < limit
