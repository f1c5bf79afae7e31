"""The steps of `follow()` whose failure the sweep would hide: gaps, the shortcut, the shard of a message (B23, B26)."""

from uuid import UUID, uuid4

import pytest

from streams.delivery import fanout
from streams.delivery.follow import Cursor
from streams.delivery.hub import EncodedEvent
from streams.events import Event, Kind


def live(*seqs: int) -> list[EncodedEvent]:
    return [EncodedEvent(seq, False, b"{}") for seq in seqs]


@pytest.mark.parametrize(
    ("seqs", "has_gap"),
    [((4,), False), ((4, 5), False), ((2, 3, 4), False), ((5,), True), ((4, 6), True), ((3, 5), True), ((9,), True)],
)
def test_one_missing_event_is_a_gap(seqs, has_gap):
    assert Cursor(uuid4(), 3).has_gap(live(*seqs)) is has_gap


def test_events_that_a_reader_has_had_are_not_yielded_again():
    cursor = Cursor(uuid4(), 3)
    assert [event.seq for event in cursor.advance(live(2, 3, 4, 4, 5))] == [4, 5]
    assert cursor.seq == 5


def test_the_shortcut_accepts_only_the_next_events():
    passed = []
    cursor = Cursor(uuid4(), 3)
    cursor.shortcut = lambda events: not passed.append([event.seq for event in events])
    assert not cursor.take_shortcut(live(5))
    assert cursor.take_shortcut(live(2, 3))  # had already: nothing to hand on
    assert cursor.take_shortcut(live(4, 5))
    assert (passed, cursor.seq) == ([[4, 5]], 5)


def test_each_message_goes_to_the_shard_that_followers_of_its_streams_join(settings):
    settings.STREAMS_SHARDS = 4
    streams = [UUID(int=number) for number in range(16)]
    messages = fanout.group_messages(Event(stream, 1, Kind.TEXT, b'{"text":"a"}') for stream in streams)
    assert sorted(messages) == [0, 1, 2, 3]
    sent = {UUID(bytes=entry[0]): shard for shard, message in messages.items() for entry in message["streams"]}
    assert sent == {stream: fanout.shard_of(stream) for stream in streams}
