"""Whatever becomes of the messages between log and followers: each follower gets exactly the log (B23, B26, B27)."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import orjson
import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from streams.delivery import fanout
from streams.delivery.follow import follow
from streams.delivery.hub import EncodedEvent, Follower, Hub
from streams.delivery.writer import BatchWriter
from streams.events import Event, Kind, fold
from streams.log import store
from streams.log.compaction import compact
from streams.log.database import open_batch_log
from tests.streams.mischief import BACKEND, Fate, MischievousLayer

pytestmark = pytest.mark.each_database

STREAMS = 3
SECONDS = 20  # until a follower that still waits counts as one who would wait for ever


@dataclass
class Reader:
    """Comes at a step, says that it has everything up to `after`, and keeps what it gets."""

    stream: int
    comes: int
    after: int
    pause: int  # batches after which it lets others go first: a slow reader
    short: list[bool] = field(default_factory=list)  # whether it takes the short way, when that is offered next
    received: list[dict] = field(default_factory=list)

    def _take_short_way(self, events: list[EncodedEvent]) -> bool:
        is_taken = bool(self.short) and self.short.pop()
        if is_taken:
            self.received += [orjson.loads(live.envelope) for live in events]
        return is_taken

    async def read(self, streams: list[UUID]) -> None:
        async with aclosing(follow(streams[self.stream], self.after, shortcut=self._take_short_way)) as batches:
            async for number, batch in _counted(batches):
                self.received += [orjson.loads(live.envelope) for live in batch]
                if number % self.pause == 0:
                    await asyncio.sleep(0.003)

    @property
    def events(self) -> list[Event]:
        return [
            Event(UUID(e["stream"]), e["seq"], e["kind"], orjson.dumps(e["data"])) for e in self.received if e["seq"]
        ]


async def _counted(batches):
    number = 0
    async for batch in batches:
        number += 1
        yield number, batch


readers = st.builds(
    Reader,
    stream=st.integers(0, STREAMS - 1),
    comes=st.integers(0, 9),
    after=st.integers(0, 12),
    pause=st.integers(1, 5),
    short=st.lists(st.booleans(), max_size=12),
)
fates = st.lists(st.sampled_from(list(Fate)), max_size=40)
steps = st.lists(st.lists(st.integers(0, 3), min_size=STREAMS, max_size=STREAMS), min_size=10, max_size=14)
thoroughly = settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink a feed that hangs takes as long as it hangs
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def feed(database, settings, monkeypatch):
    """A database, Valkey, and between them and the followers the layer of mischief."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": BACKEND, "CONFIG": {"hosts": [database.redis_url]}}}
    settings.STREAMS_SWEEP_SECONDS, settings.STREAMS_TICK_SECONDS, settings.STREAMS_SHARDS = 0.03, 0.001, 2
    monkeypatch.setattr(fanout, "FAILURE_PAUSE_SECONDS", 0.002)


def end(stream: UUID) -> list[Event]:
    """As `runs.lifecycle.transitions` does it: with the ORM, not with the batch writer."""
    try:
        return store.append(stream, (Kind.COMPLETED, {"finish_reason": "stop"}))
    finally:
        connection.close()


def reduce(stream: UUID) -> None:
    try:
        list(compact(stream))
    finally:
        connection.close()


async def write(streams: list[UUID], counts: list[list[int]], come, is_compacted: bool) -> None:
    """Write so many words to each stream at each step, let readers come, end the streams, perhaps compact them."""
    sender, batch_log = fanout.Sender(), open_batch_log()
    writer = BatchWriter(batch_log, sender)
    working = [asyncio.create_task(writer.run()), asyncio.create_task(sender.run())]
    cursors = [writer.open(stream, 0, lambda: None) for stream in streams]
    for step, words in enumerate(counts):
        come(step)
        for cursor, count in zip(cursors, words, strict=True):
            for _ in range(count):
                writer.write(cursor, Kind.TEXT, b'{"text":"%d "}' % (cursor.seq + 1))
        await writer.flush()
        await asyncio.sleep(0)
    for stream in streams:
        sender.put(await asyncio.to_thread(end, stream))
        if is_compacted:
            await asyncio.to_thread(reduce, stream)
    await sender.drain()
    for task in working:
        task.cancel()
    await batch_log.close()


def play(plan: list[Fate], counts: list[list[int]], crowd: list[Reader], *, is_compacted: bool = False) -> list[UUID]:
    """One feed with these fates and these readers, until all of them have come to the end."""
    streams = [uuid4() for _ in range(STREAMS)]
    MischievousLayer.expect(plan)

    async def main() -> None:
        reading = []

        def come(step: int) -> None:
            reading.extend(asyncio.create_task(r.read(streams)) for r in crowd if r.comes == step)

        async with asyncio.timeout(SECONDS):
            await write(streams, counts, come, is_compacted)
            await asyncio.gather(*reading)

    asyncio.run(main())
    return streams


@thoroughly
@given(plan=fates, counts=steps, crowd=st.lists(readers, min_size=1, max_size=8))
def test_followers_get_exactly_the_log_whatever_happens_to_group_messages(feed, plan, counts, crowd):  # B23 B26 B27
    streams = play(plan, counts, crowd)
    assert MischievousLayer.sent or {*plan} - {Fate.PASS}, "nothing came through: this proves nothing"
    for reader in crowd:
        events = list(store.read_all(streams[reader.stream]))
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        is_beyond = any(word["kind"] == "resync" for word in reader.received)
        assert reader.events == [event for event in events if is_beyond or event.seq > reader.after]


@thoroughly
@given(plan=fates, counts=steps, crowd=st.lists(readers, min_size=1, max_size=8))
def test_followers_get_everything_while_the_stream_is_compacted(feed, plan, counts, crowd):  # B29 B30
    streams = play(plan, counts, crowd, is_compacted=True)
    for reader in crowd:
        whole = store.fold_stream(streams[reader.stream])
        if not reader.received and reader.after == whole.last_seq:  # joined after the end with everything
            continue
        is_beyond = any(word["kind"] == "resync" for word in reader.received)
        seq = 0 if is_beyond else reader.after
        for event in reader.events:
            assert event.seq == seq + 1 or (event.seq > seq and event.kind == Kind.SNAPSHOT), "a gap, or a duplicate"
            seq = event.seq
        assert seq == whole.last_seq
        followed = fold([*known(seq=0 if is_beyond else reader.after), *reader.events])
        assert (followed.text, followed.final) == (whole.text, Kind.COMPLETED)


def known(seq: int) -> list[Event]:
    """What a reader had applied before."""
    return [Event(UUID(int=0), n, Kind.TEXT, b'{"text":"%d "}' % n) for n in range(1, seq + 1)]


def test_undisturbed_group_messages_alone_are_enough(feed, settings):
    """That the feed above is live: nobody looks into the log again."""
    settings.STREAMS_SWEEP_SECONDS = 10 * SECONDS
    crowd = [Reader(stream, comes=step, after=0, pause=3) for stream in range(STREAMS) for step in (0, 5)]
    streams = play([], [[2, 1, 3]] * 10, crowd)
    for reader in crowd:
        assert reader.events == list(store.read_all(streams[reader.stream]))


@pytest.mark.parametrize("comes", [0, 9])
def test_a_position_in_the_future_is_answered_with_resync_and_everything(feed, comes):  # B25
    reader = Reader(stream=0, comes=comes, after=999, pause=1)
    streams = play([], [[2, 1, 3]] * 10, [reader])
    assert reader.received[0]["kind"] == "resync"
    assert reader.events == list(store.read_all(streams[0]))


def test_a_stream_without_a_log_sends_live_again_when_its_shard_was_joined_late(feed, monkeypatch):
    """Whoever follows a list of sessions would not know that it has changed meanwhile."""
    refusals = ["not now", "nor now"]

    async def group_add(layer, group: str, channel: str) -> None:
        if refusals:
            raise ConnectionError(refusals.pop())
        await layer._get_layer().group_add(group, channel)

    async def main() -> None:
        kinds = []
        async with asyncio.timeout(SECONDS), aclosing(follow(uuid4())) as batches:
            async for batch in batches:
                kinds += [orjson.loads(live.envelope)["kind"] for live in batch]
                if kinds == ["live", "live"]:
                    return

    monkeypatch.setattr(MischievousLayer, "group_add", group_add, raising=False)
    asyncio.run(main())
    assert not refusals


def test_events_in_flight_during_a_sweep_are_not_read_from_the_log(monkeypatch, settings):
    """On a busy machine that is all streams, all the time: a thousand reads at once would hold up what they ask for."""
    settings.STREAMS_SWEEP_SECONDS = 0.3

    async def main() -> None:
        hub, comes, is_lost = Hub(), Follower(uuid4()), Follower(uuid4())
        hub._followers = {follower.stream.bytes: {follower} for follower in (comes, is_lost)}
        looked, loop = asyncio.Event(), asyncio.get_running_loop()

        def look_after(seen: dict) -> set:
            loop.call_soon_threadsafe(looked.set)
            return set(seen)  # both have grown

        monkeypatch.setattr("streams.delivery.hub._grown_streams", look_after)
        sweeping = asyncio.create_task(hub._sweep())
        await looked.wait()
        comes.put([EncodedEvent(1, False, b"{}")])
        await sweeping
        assert (comes.is_behind, is_lost.is_behind) == (False, True)

    asyncio.run(asyncio.wait_for(main(), SECONDS))
