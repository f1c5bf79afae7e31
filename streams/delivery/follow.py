"""Follow a stream: history after a position, then live, without a gap and without a duplicate (B23, B26).

The order is what makes it right: register at the hub first, then read the log, then take what the hub has. An event
that is committed in between is in both; whatever is not above the position is dropped, and a gap is refilled from the
log before anything later is handed on.
"""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable
from itertools import accumulate
from uuid import UUID

from streams.delivery.hub import Follower, Live, hub, read_log
from streams.events import FINAL_KINDS, Control, control, name_of, named_envelope
from streams.log import store

FIRST_PAGE_EVENTS = 100  # at once on the reader's screen
PAGE_BYTES = 256 * 1024  # of data in a page: a reader that has stopped reading keeps two of them in memory
IDLE_SECONDS = 15.0  # s of silence after which an empty batch is yielded

Shortcut = Callable[[list[Live]], bool]


async def follow(
    stream: UUID, after: int = 0, idle: float = IDLE_SECONDS, shortcut: Shortcut | None = None
) -> AsyncIterator[list[Live]]:
    """Yield all events after seq `after`, batch by batch, until the final event.

    While this waits for events, those that come next go to `shortcut` at once, which costs no switch of tasks. It
    takes all of them (True) or does nothing (False): then they are yielded. Final events are always yielded.
    An empty batch comes after `idle` seconds without one that is yielded. If `after` lies in the future of the stream a
    `resync` comes first, then everything. A stream that has ended and holds nothing after `after` yields nothing.

    A stream without a log is not kept: it begins with `live`, which comes again when the reader was too slow, and its
    events have the seq 0.
    """
    place = _Place(stream, max(after, 0))
    follower = await hub().register(stream)
    try:
        async for batch in place.read_history(follower):
            yield batch
        if place.has_no_log:
            yield [place.live()]
        if not place.is_ended and place.seq == after > 0:
            head = await read_log(store.head, stream)
            if head.seq < after:
                yield [place.start_anew(head.seq)]
                follower.fall_behind()
            place.is_ended = head.is_sealed and head.seq == after
        if shortcut is not None:
            place.shortcut, follower.shortcut = shortcut, place.take_shortcut
        while not place.is_ended:
            events = await follower.take(idle)
            if follower.behind or place.has_gap(events):
                follower.behind = False
                async for batch in place.read_history(follower):
                    yield batch
                if place.has_no_log:
                    yield [place.live()]
            fresh = place.advance(events)
            if fresh or not events:
                yield fresh
    finally:
        follower.is_ended = place.is_ended
        hub().unregister(follower)


class _Place:
    """How far a reader has come in a stream."""

    __slots__ = ("is_ended", "seq", "shortcut", "stream")

    def __init__(self, stream: UUID, seq: int) -> None:
        self.stream, self.seq, self.is_ended = stream, seq, False
        self.shortcut: Shortcut | None = None

    async def read_history(self, follower: Follower) -> AsyncIterator[list[Live]]:
        """All that the log has after this place: a small page at first, then as much as PAGE_BYTES hold.

        While one page is handed on, the next is read.
        """
        reading = None if self.is_ended else self._read(FIRST_PAGE_EVENTS)
        try:
            while reading is not None:
                page, size, is_whole = await reading
                reading = None
                if page:
                    self.seq, self.is_ended = page[-1].seq, page[-1].is_final
                    follower.seen = max(follower.seen, self.seq)
                    if not is_whole and not self.is_ended:
                        reading = self._read(max(1, min(store.PAGE_EVENTS, PAGE_BYTES * len(page) // size)))
                    yield page
        finally:
            if reading is not None:
                reading.cancel()

    def _read(self, limit: int) -> asyncio.Future:
        return asyncio.ensure_future(read_log(_read_page, self.stream, self.seq, limit))

    def has_gap(self, events: list[Live]) -> bool:
        seq = self.seq
        for event in events:
            if event.seq > seq + 1:
                return True
            seq = max(seq, event.seq)
        return False

    def advance(self, events: list[Live]) -> list[Live]:
        """Those of the live events that come next, and those that are not kept."""
        fresh = []
        for event in events:
            if event.seq == 0:
                fresh.append(event)
            elif event.seq == self.seq + 1 and not self.is_ended:
                self.seq, self.is_ended = event.seq, event.is_final
                fresh.append(event)
        return fresh

    def take_shortcut(self, events: list[Live]) -> bool:
        """Hand on live events that come next, without the reader's task. Nothing is waiting before them."""
        last = events[-1]
        if last.seq == 0:  # not kept
            return False
        if last.seq <= self.seq:
            return True
        if events[0].seq != self.seq + 1 or last.is_final or not self.shortcut(events):
            return False
        self.seq = last.seq
        return True

    @property
    def has_no_log(self) -> bool:
        """Whether, after a look at the log, it had nothing: every stream that is kept has its first event there."""
        return self.seq == 0

    def live(self) -> Live:
        return Live(0, False, control(self.stream, Control.LIVE))

    def start_anew(self, last_seq: int) -> Live:
        self.seq = 0
        return Live(0, False, control(self.stream, Control.RESYNC, last_seq=last_seq))


def _read_page(stream: UUID, after: int, limit: int) -> tuple[list[Live], int, bool]:
    """Up to `limit` events after seq `after`, hardly more than twice PAGE_BYTES; their bytes; whether that is all."""
    rows, name = store.read_rows(stream, after, limit), name_of(stream)
    page = [Live(seq, kind in FINAL_KINDS, named_envelope(name, seq, kind, data)) for seq, kind, data in rows]
    sizes = list(accumulate(len(event.envelope) for event in page))
    if sizes and sizes[-1] > 2 * PAGE_BYTES:
        fitting = bisect_left(sizes, PAGE_BYTES) + 1
        return page[:fitting], sizes[fitting - 1], False
    return page, sizes[-1] if sizes else 0, len(rows) < limit
