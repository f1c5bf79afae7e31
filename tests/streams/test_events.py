"""Events and what they fold to."""

import json
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from streams.events import FINAL_KINDS, Control, Event, Kind, control, fold

STREAM = UUID("0198c0de-0000-7000-8000-000000000001")


def _events(*drafts: tuple[str, dict]) -> list[Event]:
    return [Event(STREAM, seq, kind, json.dumps(data).encode()) for seq, (kind, data) in enumerate(drafts, 1)]


@given(st.lists(st.text()), st.lists(st.text()))
def test_fold_joins_text_and_reasoning_in_order(words, thoughts):
    drafts = [(Kind.TEXT, {"text": w}) for w in words] + [(Kind.REASONING, {"text": t}) for t in thoughts]
    folded = fold(_events(*drafts))
    assert (folded.text, folded.reasoning) == ("".join(words), "".join(thoughts))
    assert folded.last_seq == len(drafts)
    assert folded.final is None


def test_fold_puts_tool_calls_together_from_their_pieces():
    pieces = [
        {"index": 0, "id": "call-1", "name": "weather", "arguments": ""},
        {"index": 1, "id": "call-2", "name": "time"},
        {"index": 0, "arguments": '{"city":'},
        {"index": 0, "arguments": '"Bern"}'},
    ]
    folded = fold(_events(*((Kind.TOOL, piece) for piece in pieces)))
    assert folded.tools == [
        {"index": 0, "id": "call-1", "name": "weather", "arguments": '{"city":"Bern"}'},
        {"index": 1, "id": "call-2", "name": "time", "arguments": ""},
    ]


def test_a_snapshot_stands_for_everything_before_it():  # B30
    tool = {"index": 0, "id": "call-1", "name": "clock", "arguments": ""}
    before = [
        Event(STREAM, 37, Kind.TEXT, b'{"text":"once"}'),
        Event(STREAM, 38, Kind.REASONING, b'{"text":"h"}'),
        Event(STREAM, 39, Kind.TOOL, json.dumps(tool).encode()),
    ]
    snapshot = Event(
        STREAM, 40, Kind.SNAPSHOT, json.dumps({"text": "once upon", "reasoning": "hm", "tools": [tool]}).encode()
    )
    for events in ([snapshot, *_tail(41)], [*before, snapshot, *_tail(41)]):
        folded = fold(events)
        assert (folded.text, folded.reasoning, folded.last_seq) == ("once upon a time", "hm", 42)
        assert folded.tools == [tool]
        assert folded.final == Kind.COMPLETED


def _tail(seq: int) -> list[Event]:
    return [
        Event(STREAM, seq, Kind.TEXT, b'{"text":" a time"}'),
        Event(STREAM, seq + 1, Kind.COMPLETED, b'{"finish_reason":"stop"}'),
    ]


@given(st.integers(1, 2**31 - 1), st.sampled_from(list(Kind)), st.dictionaries(st.text(), st.text()))
def test_an_envelope_is_json_with_the_event_s_fields(seq, kind, data):  # B25
    event = Event(STREAM, seq, kind, json.dumps(data).encode())
    assert json.loads(event.envelope()) == {"stream": str(STREAM), "seq": seq, "kind": str(kind), "data": data}
    assert event.is_final == (kind in FINAL_KINDS)


def test_a_control_event_has_seq_0():
    assert json.loads(control(STREAM, Control.RESYNC, last_seq=7)) == {
        "stream": str(STREAM),
        "seq": 0,
        "kind": "resync",
        "data": {"last_seq": 7},
    }
