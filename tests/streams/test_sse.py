"""The SSE edge's own words: where a reader begins, and what each event is called."""

from uuid import UUID

import pytest

from streams.delivery.hub import EncodedEvent
from streams.events import Event, Kind
from streams.transports.sse import Framing, start_position

STREAM = UUID(int=1)


def live(seq: int) -> EncodedEvent:
    return EncodedEvent(seq, False, Event(STREAM, seq, Kind.TEXT, b'{"text":"x"}').envelope())


@pytest.mark.parametrize(
    ("after", "last", "begins"),
    [
        ("7", "3", 7),
        ("3", "7", 7),
        ("", "7", 7),
        ("7", "", 7),
        ("", "", 0),
        ("-7", "x", 0),
        ("٣", "1e3", 0),
        ("1234567890", "0", 1234567890),
        (str(2**63), "0", 2**31 - 1),  # in the future of every stream: a resync follows
    ],
)
def test_the_larger_of_two_positions_counts(after, last, begins, rf):  # B25
    assert start_position(rf.get("/", {"after": after}, headers={"Last-Event-ID": last})) == begins


def test_the_id_of_an_event_is_its_seq():  # B25
    framing = Framing()
    first, *others = framing.frames([live(41), live(42)]).split(b"\n\n")
    assert first.startswith(b"retry: ") and b"\nid: 41\ndata: {" in first
    assert others[0].startswith(b"id: 42\ndata: {") and others[1:] == [b""]
    assert framing.frames([live(43)]) == b"id: 43\ndata: %b\n\n" % live(43).envelope
