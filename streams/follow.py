"""Follow a stream: history after a position, then live, without a gap and without a duplicate (B23, B26).

The order is what makes it right: register at the hub first, then read the log, then take what the hub has. An event
that is committed in between is in both; whatever is not above the position is dropped, and a gap is refilled from the
log before anything later is handed on.
"""

from collections.abc import AsyncIterator
from uuid import UUID

from streams import log
from streams.events import Control, Event, control
from streams.hub import Follower, Live, hub, read_log

IDLE_SECONDS = 15.0  # s of silence after which an empty batch is yielded


async def follow(stream: UUID, after: int = 0, idle: float = IDLE_SECONDS) -> AsyncIterator[list[Live]]:
    """Yield all events after seq `after`, batch by batch, until the final event.

    An empty batch means that nothing came for `idle` seconds. If `after` lies in the future of the stream a `resync`
    comes first, then everything. A stream that has ended and holds nothing after `after` yields nothing.
    """
    place = _Place(stream, max(after, 0))
    follower = await hub().register(stream)
    try:
        async for batch in place.read_history(follower):
            yield batch
        if not place.is_ended and place.seq == after > 0:
            head = await read_log(log.head, stream)
            if head.seq < after:
                yield [place.start_anew(head.seq)]
                follower.fall_behind()
            place.is_ended = head.is_sealed and head.seq == after
        while not place.is_ended:
            events = await follower.take(idle)
            if follower.behind or place.has_gap(events):
                follower.behind = False
                async for batch in place.read_history(follower):
                    yield batch
            fresh = place.advance(events)
            if fresh or not events:
                yield fresh
    finally:
        follower.is_ended = place.is_ended
        hub().unregister(follower)


class _Place:
    """How far a reader has come in a stream."""

    def __init__(self, stream: UUID, seq: int) -> None:
        self.stream, self.seq, self.is_ended = stream, seq, False

    async def read_history(self, follower: Follower) -> AsyncIterator[list[Live]]:
        """All that the log has after this place, page by page."""
        while not self.is_ended:
            page: list[Event] = await read_log(log.read, self.stream, self.seq)
            if page:
                self.seq, self.is_ended = page[-1].seq, page[-1].is_final
                follower.seen = max(follower.seen, self.seq)
                yield [Live(event.seq, event.is_final, event.envelope()) for event in page]
            if len(page) < log.PAGE_EVENTS:
                return

    def has_gap(self, events: list[Live]) -> bool:
        seq = self.seq
        for event in events:
            if event.seq > seq + 1:
                return True
            seq = max(seq, event.seq)
        return False

    def advance(self, events: list[Live]) -> list[Live]:
        """Those of the live events that come next."""
        fresh = []
        for event in events:
            if event.seq == self.seq + 1 and not self.is_ended:
                self.seq, self.is_ended = event.seq, event.is_final
                fresh.append(event)
        return fresh

    def start_anew(self, last_seq: int) -> Live:
        self.seq = 0
        return Live(0, False, control(self.stream, Control.RESYNC, last_seq=last_seq))
