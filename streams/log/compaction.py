"""What is kept of a stream that has ended: first one snapshot instead of its deltas, later its final event only.

A sealed stream never grows, so nothing here needs a lock, and every step is one short statement that commits by itself.
After each of them the log tells a follower at any position the whole, so it does no harm to be killed between two
steps, to begin again, or to do it twice at once:

1. The last delta becomes the snapshot. Deltas still stand before it; it replaces what they said.
2. The rows from the first delta up to the snapshot go, from the top down. What stands before the hole has no gap, and
   behind a hole there is always the snapshot: that is how readers know that nothing is missing.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

import orjson
from django.db.models import Max

from streams.events import MAX_DATA_BYTES, Event, Folded, Kind, fold
from streams.log import store
from streams.models import LoggedEvent

STEP_EVENTS = 500  # rows deleted by one statement: 2-5 ms, which SQLite's other writers have to wait

DELTAS = frozenset({Kind.TEXT, Kind.REASONING, Kind.TOOL})


class NotSealed(Exception):
    """The stream goes on; its deltas are still needed."""


class TooLarge(Exception):
    """What the stream says is more than one event may hold. It keeps its deltas."""


def compact(stream: UUID) -> Iterator[int]:
    """Replace a stream's deltas by one snapshot. Yields, after each committed step, how many rows it removed.

    Raises NotSealed and TooLarge, and has done nothing then.
    """
    if not store.head(stream).is_sealed:
        raise NotSealed(stream)
    survey = _Survey()
    folded = fold(survey.watch(store.read_all(stream)))
    if survey.snapshot == 0:
        if survey.last == 0:
            return  # nothing was said
        data = orjson.dumps(snapshot_data(folded))
        if len(data) > MAX_DATA_BYTES:
            raise TooLarge(stream)
        _put_snapshot(stream, survey.last, data)
        yield 0
    yield from _delete(stream, survey.first, (survey.snapshot or survey.last) - 1)


def snapshot_data(folded: Folded) -> dict:
    """The data of a snapshot event; the usage only if the upstream told it."""
    data: dict = {"text": folded.text, "reasoning": folded.reasoning, "tools": folded.tools}
    return data | ({"usage": folded.usage} if folded.usage else {})


def delete_stream(stream: UUID) -> Iterator[int]:
    """Delete a stream, its final event too. Yields, after each step, how many rows it removed."""
    yield from _delete(stream, 1, store.head(stream).seq)


def streams_after(stream: UUID, limit: int) -> list[UUID]:
    """The next streams in the order of their ids: a walk through all of them, page by page."""
    rows = LoggedEvent.objects.filter(stream__gt=stream).order_by("stream")
    return list(rows.values_list("stream", flat=True).distinct()[:limit])


def silent_since(streams: Collection[UUID], moment: datetime) -> list[UUID]:
    """Those of the streams that have said nothing after `moment`."""
    rows = LoggedEvent.objects.filter(stream__in=streams).values("stream").annotate(last=Max("at"))
    return [row["stream"] for row in rows if row["last"] < moment]


class _Survey:
    """Where a stream's deltas stand. 0: nowhere."""

    def __init__(self) -> None:
        self.first = self.last = self.snapshot = 0

    def watch(self, events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            if event.kind in DELTAS:
                self.first, self.last = self.first or event.seq, event.seq
            elif event.kind == Kind.SNAPSHOT:
                self.snapshot = event.seq
            yield event


def _put_snapshot(stream: UUID, seq: int, data: bytes) -> None:
    """The row keeps its seq and its time. Whoever comes second finds no delta there any more."""
    row = LoggedEvent.objects.filter(stream=stream, seq=seq, kind__in=DELTAS)
    row.update(kind=Kind.SNAPSHOT, data=data.decode())


def _delete(stream: UUID, first: int, last: int) -> Iterator[int]:
    """Delete the events from `first` to `last`, from the top down. `first` 0: there are none."""
    top = last
    while 0 < first <= top:
        bottom = max(first, top - STEP_EVENTS + 1)
        yield LoggedEvent.objects.filter(stream=stream, seq__range=(bottom, top)).delete()[0]
        top = bottom - 1
