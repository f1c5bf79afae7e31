"""Compaction: after every step, and wherever it is interrupted, a reader at any position gets the whole."""

import asyncio
import json
import threading
from contextlib import contextmanager, nullcontext
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.delivery.writer import BatchWriter
from streams.events import Event, Folded, Kind, fold
from streams.log import compaction, store
from streams.log.compaction import compact
from streams.log.database import open_batch_log
from streams.models import LoggedEvent
from tests.harness.check import unexplained_gaps
from tests.harness.facts import wait_until

pytestmark = pytest.mark.each_database

DELTAS = st.one_of(
    st.tuples(st.just(Kind.TEXT), st.fixed_dictionaries({"text": st.text(st.characters(codec="utf-8"), max_size=5)})),
    st.tuples(st.just(Kind.REASONING), st.fixed_dictionaries({"text": st.text("ab☃\\\n", max_size=5)})),
    st.tuples(
        st.just(Kind.TOOL), st.fixed_dictionaries({"index": st.integers(0, 1), "arguments": st.text("{}", max_size=3)})
    ),
    st.tuples(st.just(Kind.USAGE), st.just({"prompt_tokens": 1, "completion_tokens": 2})),
)
BEGINNINGS = st.sampled_from(
    [[], [(Kind.STARTED, {})], [(Kind.STARTED, {}), (Kind.RETRYING, {"code": "c", "seconds": 1})]]
)
ENDS = st.sampled_from([(Kind.COMPLETED, {"finish_reason": "stop"}), (Kind.STOPPED, {"reason": "user"})])

many_steps = pytest.mark.usefixtures("_many_steps")


@pytest.fixture
def _many_steps(monkeypatch):
    monkeypatch.setattr(compaction, "STEP_EVENTS", 2)


class Reader:
    """A client as docs/protocol.md wants it: it has applied everything up to a position, then it follows."""

    def __init__(self, applied: list[Event]):
        self.folded, self.applied = fold(applied), list(applied)

    def follow(self, stream) -> Folded:
        for event in store.read_all(stream, after=self.folded.last_seq):
            assert event.seq == self.folded.last_seq + 1 or event.kind == Kind.SNAPSHOT, "a gap"
            self.applied.append(event)
            self.folded = fold(self.applied)
        return self.folded


def content_of(folded: Folded) -> tuple:
    return folded.last_seq, folded.text, folded.reasoning, folded.tools, folded.usage, folded.final, folded.final_data


def written(*drafts: tuple[str, dict]):
    stream = uuid4()
    return stream, store.append(stream, (Kind.QUEUED, {}), *drafts)


@many_steps
@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(beginning=BEGINNINGS, deltas=st.lists(DELTAS, max_size=12), end=ENDS, steps=st.integers(0, 9))
def test_a_reader_at_any_position_gets_everything_wherever_compaction_was_interrupted(beginning, deltas, end, steps):
    """B29 B30"""
    stream, events = written(*beginning, *deltas, end)
    whole = content_of(fold(events))
    for _, _step in zip(range(steps), compact(stream), strict=False):
        pass  # and here the process is killed

    for place in range(len(events)):
        assert content_of(Reader(events[:place]).follow(stream)) == whole
    assert store.head(stream) == (len(events), end[0])

    # The next one should bring it to its end, and find nothing more to do then
    list(compact(stream))
    rows = list(LoggedEvent.objects.filter(stream=stream).order_by("seq").values())
    assert list(compact(stream)) == []
    assert list(LoggedEvent.objects.filter(stream=stream).order_by("seq").values()) == rows
    for place in range(len(events)):
        assert content_of(Reader(events[:place]).follow(stream)) == whole
    assert len([row for row in rows if row["kind"] in compaction.DELTAS]) == 0
    assert len([row for row in rows if row["kind"] == Kind.SNAPSHOT]) == any(k in compaction.DELTAS for k, _ in deltas)


@many_steps
@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deltas=st.lists(DELTAS, min_size=3, max_size=9), turns=st.lists(st.booleans(), min_size=4, max_size=12))
def test_concurrent_compactions_have_the_effect_of_one(deltas, turns):  # B30
    stream, events = written(*deltas, (Kind.LOST, {"reason": "lease", "message": ""}))
    whole, both = content_of(fold(events)), (compact(stream), compact(stream))
    for turn in [*turns, *[False] * 9, *[True] * 9]:
        next(both[turn], None)
        assert unexplained_gaps(store.read(stream)) == []
        assert content_of(store.fold_stream(stream)) == whole


@pytest.mark.django_db
def test_an_unfinished_stream_is_not_compacted():
    stream, events = written((Kind.TEXT, {"text": "so far"}))
    with pytest.raises(compaction.NotSealed):
        list(compact(stream))
    assert store.read(stream) == events


@pytest.mark.django_db
def test_a_reader_behind_deleted_events_is_still_found():  # B26 B29
    """A sweep that asks for the next seq alone would leave him waiting for ever."""
    stream, events = written(*[(Kind.TEXT, {"text": "a"})] * 5, (Kind.COMPLETED, {"finish_reason": "stop"}))
    list(compact(stream))
    last = events[-1].seq
    assert store.grown({stream: 3}) == store.grown({stream: last - 1}) == {stream}
    assert store.grown({stream: last}) == set()


@pytest.mark.django_db
@pytest.mark.parametrize("kept", [{"text": "abc", "reasoning": "", "tools": []}, None])
def test_the_owner_provides_the_snapshot_of_a_pruned_stream(kept, other_owner):  # B29 B30
    stream, events = written(*[(Kind.TEXT, {"text": c}) for c in "abc"], (Kind.COMPLETED, {"finish_reason": "stop"}))
    store.keep_final(stream)
    with other_owner(snapshot={stream: kept}.get):
        for after in range(5):
            page = store.read(stream, after)
            assert page[-1] == events[-1]
            snapshots = [(event.seq, event.kind, json.loads(event.data)) for event in page[:-1]]
            assert snapshots == ([(4, Kind.SNAPSHOT, kept)] if kept and after < 4 else [])
        assert store.read(stream, 5) == []


@pytest.mark.django_db
def test_a_walk_visits_every_stream_and_deletes_the_given_ones():
    streams = sorted(written((Kind.STOPPED, {"reason": "user"}))[0] for _ in range(7))
    walked, position = [], UUID(int=0)
    while page := compaction.streams_after(position, 3):
        walked, position = walked + page, page[-1]
    assert walked == streams
    assert sum(compaction.delete_stream(streams[0])) == 2
    assert compaction.streams_after(UUID(int=0), 9) == streams[1:]


class NullSender:
    """A sender without followers."""

    def put(self, events) -> None:
        pass


@contextmanager
def writing(stream):
    """A writer that never rests, as a worker's is, in a thread of its own. Yields it; at the end all is committed."""
    ready, leave, writers = threading.Event(), threading.Event(), []

    async def write() -> None:
        batch_log = open_batch_log()
        writer = BatchWriter(batch_log, NullSender())
        cursor = writer.open(stream, 0, leave.set)
        running = asyncio.create_task(writer.run())
        writers.append(writer)
        ready.set()
        while not leave.is_set():
            writer.write(cursor, Kind.TEXT, b'{"text":"on "}')
            await writer.flush()
        running.cancel()
        await batch_log.close()

    thread = threading.Thread(target=lambda: asyncio.run(write()))
    thread.start()
    ready.wait()
    try:
        yield writers[0]
    finally:
        leave.set()
        thread.join()


def test_a_writer_is_not_blocked_while_a_long_stream_is_compacted(database, monkeypatch):  # B28
    """Each step commits by itself, so SQLite's other writers wait for milliseconds. PostgreSQL's do not wait at all."""
    monkeypatch.setattr(compaction, "STEP_EVENTS", 100)
    stream, busy, steps = uuid4(), uuid4(), 0
    words = [(Kind.TEXT, {"text": f"{n} "}) for n in range(3000)]
    store.append(stream, *words, (Kind.COMPLETED, {"finish_reason": "stop"}))
    whole, work = content_of(store.fold_stream(stream)), compact(stream)
    with writing(busy) as writer:
        while steps < 31:
            with transaction.atomic() if connection.vendor == "postgresql" else nullcontext():
                steps += next(work, None) is not None
                seen = writer.batches
                wait_until(lambda seen=seen: writer.batches > seen, "a batch is committed after this step, or in it")
    assert (list(work), writer.fenced, content_of(store.fold_stream(stream))) == ([], 0, whole)
    assert LoggedEvent.objects.filter(stream=stream).count() == 2
    assert [event.seq for event in store.read_all(busy)] == list(range(1, writer.events + 1))
