"""A run's stream for people: lifecycle events one by one, the deltas between them folded into one line."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import orjson

from streams.events import Kind
from streams.models import LoggedEvent

HEAD_EVENTS = 400  # events read from the beginning,
TAIL_EVENTS = 100  # and from the end: a page in the admin stays short, however long the answer
TEXT_CHARACTERS = 400  # of one line
SILENCE = timedelta(seconds=2)  # a pause between two events that is shown

_DELTAS = {Kind.TEXT: "text", Kind.REASONING: "text", Kind.TOOL: "arguments"}
_TEXT_KEYS = _DELTAS | {Kind.SNAPSHOT: "text"}


class Line(NamedTuple):
    """One event, several deltas of one kind, or (`kind` empty) events that are not shown."""

    first: int  # seq
    last: int
    kind: str
    text: str
    at: datetime
    offset: timedelta  # since the first event
    silence: timedelta | None = None  # before it, if at least SILENCE

    @property
    def count(self) -> int:
        return self.last - self.first + 1


class _Row(NamedTuple):
    seq: int
    kind: str
    data: str
    at: datetime


def timeline(stream: UUID) -> list[Line]:
    """At most HEAD_EVENTS + TAIL_EVENTS + 1 lines, read with two queries."""
    rows = _read(stream)
    return list(_lines(_group(rows), rows[0].at)) if rows else []


def _read(stream: UUID) -> list[_Row]:
    events = LoggedEvent.objects.filter(stream=stream).values_list("seq", "kind", "data", "at")
    head = [_Row(*row) for row in events.order_by("seq")[:HEAD_EVENTS]]
    if len(head) < HEAD_EVENTS:
        return head
    tail = events.filter(seq__gt=head[-1].seq).order_by("-seq")[:TAIL_EVENTS]
    return head + [_Row(*row) for row in reversed(tail)]


def _group(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    """Consecutive rows that become one line."""
    group: list[_Row] = []
    for row in rows:
        if group and not _belongs_to_same_line(group[-1], row):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _belongs_to_same_line(before: _Row, row: _Row) -> bool:
    same = row.kind in _DELTAS and row.kind == before.kind and row.seq == before.seq + 1
    return same and row.at - before.at < SILENCE


def _lines(groups: Iterable[list[_Row]], begin: datetime) -> Iterator[Line]:
    last, last_at = 0, begin
    for group in groups:
        first, at = group[0].seq, group[0].at
        if first > last + 1:
            why = "in this snapshot:" if group[0].kind == Kind.SNAPSHOT else "not shown, or no longer kept"
            yield Line(last + 1, first - 1, "", why, at, at - begin)
        silence = at - last_at if at - last_at >= SILENCE else None
        last, last_at = group[-1].seq, group[-1].at
        yield Line(first, last, group[0].kind, _shorten(_text(group)), at, at - begin, silence)


def _text(group: list[_Row]) -> str:
    if key := _TEXT_KEYS.get(group[0].kind):
        return "".join(orjson.loads(row.data).get(key) or "" for row in group)
    return group[0].data


def _shorten(text: str) -> str:
    if len(text) <= TEXT_CHARACTERS:
        return text
    return f"{text[:TEXT_CHARACTERS]} … ({len(text):,} characters)"
