"""Compaction of streams that have ended: first one snapshot replaces the deltas, later only the final event is kept.

A sealed stream never grows, so nothing here needs a lock, and every step is one short statement that commits by itself.
After each step a follower at any position still gets the whole, so compaction may be killed between two steps, be
repeated, or run twice at the same time:

1. The last delta becomes the snapshot. The deltas before it remain; it replaces their content.
2. The rows from the first delta up to the snapshot are deleted, from the highest seq down. The rows before the hole
   have no gap, and after a hole there is always the snapshot: that is how readers know that nothing is missing.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Max

from streams.events import MAX_DATA_BYTES, Event, Folded, Kind, fold
from streams.log import store
from streams.models import LoggedEvent

STEP_EVENTS = 500  # rows deleted by one statement: 2-5 ms, for which SQLite's other writers wait

DELTAS = frozenset({Kind.TEXT, Kind.REASONING, Kind.TOOL})


class NotSealed(Exception):
    """The stream has no final event yet; its deltas are still needed."""


class TooLarge(Exception):
    """The stream's content is larger than one event may be. It keeps its deltas."""


def compact(stream: UUID) -> Iterator[int]:
    """Replace a stream's deltas by one snapshot. Yields the number of rows removed, after each committed step.

    Raises NotSealed or TooLarge before it changes anything.
    """
    if not store.head(stream).is_sealed:
        raise NotSealed(stream)
    survey = _Survey()
    folded = fold(survey.watch(store.read_all(stream)))
    if survey.snapshot == 0:
        if survey.last == 0:
            return  # no deltas
        data = orjson.dumps(snapshot_data(folded))
        if len(data) > MAX_DATA_BYTES:
            raise TooLarge(stream)
        _put_snapshot(stream, survey.last, data)
        yield 0
    yield from _delete(stream, survey.first, (survey.snapshot or survey.last) - 1)


def snapshot_data(folded: Folded) -> dict[str, Any]:
    """Return the data of a snapshot event; with usage and sources only if the upstream reported them."""
    data: dict[str, Any] = {"text": folded.text, "reasoning": folded.reasoning, "tools": folded.tools}
    reported = {"usage": folded.usage, "sources": folded.sources}
    return data | {name: value for name, value in reported.items() if value}


def delete_stream(stream: UUID) -> Iterator[int]:
    """Delete a stream with its final event. Yields the number of rows removed, after each step."""
    yield from _delete(stream, 1, store.head(stream).seq)


def streams_after(stream: UUID, limit: int) -> list[UUID]:
    """Return the next streams after `stream` by id: one page of a walk through all streams."""
    rows = LoggedEvent.objects.filter(stream__gt=stream).order_by("stream")
    return list(rows.values_list("stream", flat=True).distinct()[:limit])


def silent_since(streams: Collection[UUID], moment: datetime) -> list[UUID]:
    """Return those of the streams that have no event after `moment`."""
    rows = LoggedEvent.objects.filter(stream__in=streams).values("stream").annotate(last=Max("at"))
    return [row["stream"] for row in rows if row["last"] < moment]


class _Survey:
    """The seqs of a stream's first delta, last delta and snapshot; 0: it has none."""

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
    """Turn a delta into the snapshot; it keeps its seq and its time. A second call finds no delta there any more."""
    row = LoggedEvent.objects.filter(stream=stream, seq=seq, kind__in=DELTAS)
    row.update(kind=Kind.SNAPSHOT, data=data.decode())


def _delete(stream: UUID, first: int, last: int) -> Iterator[int]:
    """Delete the events from `first` to `last`, from the highest seq down. `first` 0: there are none."""
    top = last
    while 0 < first <= top:
        bottom = max(first, top - STEP_EVENTS + 1)
        yield LoggedEvent.objects.filter(stream=stream, seq__range=(bottom, top)).delete()[0]
        top = bottom - 1
