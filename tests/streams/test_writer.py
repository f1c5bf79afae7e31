"""The batch writer: many streams in one transaction, and nobody pays for another's mishap."""

import asyncio
from uuid import uuid4

import pytest
from django.db import transaction

from streams.delivery.writer import AppendCursor, BatchWriter, tick
from streams.events import Kind
from streams.log import store
from streams.log.batch import BatchLog, Unavailable
from streams.log.database import open_batch_log

pytestmark = pytest.mark.each_database  # each has a writer of its own; SQLite's is the default of `make run`


class Kept:
    """A sender that keeps what it is given."""

    def __init__(self):
        self.events = []

    def put(self, events):
        self.events += events


class Breaking:
    """A batch log whose connection breaks in the middle of things: after the commit, or before."""

    def __init__(self, inner: BatchLog, sent: Kept, *breaks: str):
        self.inner, self.breaks, self._sent = inner, list(breaks), sent
        self.sent_too_early = []

    async def append(self, events, at):
        self.sent_too_early += [event for event in events if event in self._sent.events]
        how = self.breaks.pop(0) if self.breaks else "not"
        if how != "before":
            await self.inner.append(events, at)
        if how != "not":
            raise Unavailable(how)

    async def read_from(self, firsts):
        return await self.inner.read_from(firsts)

    async def fetch(self, query, parameters=()):
        return await self.inner.fetch(query, parameters)

    async def close(self):
        await self.inner.close()


def _write(scenario, *breaks: str) -> Kept:
    """Run `scenario(writer)` in a loop with a writer on the test's database. What was sent."""
    sent = Kept()

    async def main():
        batch_log = open_batch_log()
        breaking = Breaking(batch_log, sent, *breaks)
        writer = BatchWriter(breaking, sent)
        running = asyncio.create_task(writer.run())
        await scenario(writer)
        running.cancel()
        await batch_log.close()
        assert breaking.sent_too_early == []  # B1

    asyncio.run(main())
    return sent


def _write_words(writer: BatchWriter, cursor: AppendCursor, *words: str) -> None:
    for word in words:
        writer.write(cursor, Kind.TEXT, b'{"text":"%b"}' % word.encode())


def _never() -> None:
    raise AssertionError("fenced")


@pytest.mark.parametrize("breaks", [(), ("after",), ("before",), ("before", "after", "before")])
def test_every_event_is_logged_once_and_then_sent(database, breaks):  # B1 B24
    streams = [uuid4() for _ in range(20)]

    async def scenario(writer):
        cursors = [writer.open(stream, 0, _never) for stream in streams]
        for n in range(30):
            for cursor in cursors:
                _write_words(writer, cursor, f"{n} ")
            if n % 7 == 0:
                await writer.flush()
        await writer.flush()

    sent = _write(scenario, *breaks)
    for stream in streams:
        events = list(store.read_all(stream))
        assert [event.seq for event in events] == list(range(1, 31))
        assert store.fold_stream(stream).text == "".join(f"{n} " for n in range(30))
        assert [event for event in sent.events if event.stream == stream] == events


@pytest.mark.parametrize("breaks", [(), ("after",), ("before",)])
def test_a_fenced_run_does_not_lose_events_of_other_runs(database, breaks):  # B12
    ended, other, fenced = uuid4(), uuid4(), []

    async def scenario(writer):
        cursor, neighbour = writer.open(ended, 0, lambda: fenced.append(ended)), writer.open(other, 0, _never)
        _write_words(writer, cursor, "seen ")
        _write_words(writer, neighbour, "a ")
        await writer.flush()
        await asyncio.to_thread(_end, ended)
        _write_words(writer, cursor, "too ", "late ")
        _write_words(writer, neighbour, "b ", "c ")
        await writer.flush()
        _write_words(writer, cursor, "later still")
        await writer.flush()

    sent = _write(scenario, "not", *breaks)
    assert fenced == [ended]
    assert [event.kind for event in store.read(ended)] == [Kind.TEXT, Kind.LOST]
    assert store.fold_stream(other).text == "a b c "
    assert store.fold_stream(ended).text == "seen "
    assert [event.stream for event in sent.events] == [ended, other, other, other]


def _end(stream) -> None:
    from django.db import connection

    with transaction.atomic():
        store.append(stream, (Kind.LOST, {"reason": "lease", "message": ""}))
    connection.close()


def test_data_written_in_bulk_is_read_back_exactly(database):
    stream, text = uuid4(), "a\\\\b\\t\\n \\\\N \\\\. \\u2028 ☃ 😀 \\u0001"

    async def scenario(writer):
        _write_words(writer, writer.open(stream, 0, _never), text)
        await writer.flush()

    _write(scenario)
    assert store.fold_stream(stream).text == "a\\b\t\n \\N \\. \u2028 ☃ 😀 \x01"


def test_flush_of_an_idle_writer_returns_at_once(database):
    async def scenario(writer):
        await writer.flush()

    assert _write(scenario).events == []


def test_the_tick_grows_with_the_events_between_two_bounds(settings):
    settings.STREAMS_TICK_SECONDS = 0.005
    assert [tick(events) for events in (1, 200, 5_000)] == [0.005, 0.012, 0.02]
    settings.STREAMS_TICK_SECONDS = 0.1
    assert tick(5_000) == 0.1
