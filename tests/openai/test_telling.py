"""A response's events are a fold of the run's: told from anywhere, before and after compaction, they are the same."""

from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.openai.full_stream import RunEvent
from chatapp.openai.response_events import ResponseEncoder, ResponseFold
from chatapp.openai.response_requests import parse_response_request
from chatapp.openai.stream_outline import expand, outline_of
from streams.events import Event, Kind, fold
from streams.log.compaction import snapshot_data
from tests.openai.shapes import assert_event, assert_response

RUN = UUID(int=7)
untimed = settings(max_examples=100, deadline=None)
NOW = datetime(2026, 11, 21, tzinfo=UTC)

words = st.text(min_size=1, max_size=4)
deltas = st.one_of(
    st.tuples(st.just(Kind.TEXT), st.fixed_dictionaries({"text": words}, optional={"refusal": st.just(True)})),
    st.tuples(st.just(Kind.REASONING), st.fixed_dictionaries({"text": words})),
    st.tuples(
        st.just(Kind.TOOL),
        st.fixed_dictionaries(
            {"index": st.integers(0, 2)}, optional={"id": words, "name": words, "arguments": st.text(max_size=4)}
        ),
    ),
    st.tuples(st.just(Kind.RETRYING), st.just({"code": "upstream_unavailable", "seconds": 0.5})),
    st.tuples(st.just(Kind.USAGE), st.just({"prompt_tokens": 3, "completion_tokens": 5, "cached_tokens": 2})),
)
ends = st.sampled_from(
    [
        (Kind.COMPLETED, {"finish_reason": "stop"}),
        (Kind.COMPLETED, {"finish_reason": "length"}),
        (Kind.STOPPED, {"reason": "user"}),
        (Kind.FAILED, {"code": "upstream_silent", "message": "It said nothing.", "retryable": True}),
        (Kind.LOST, {"reason": "lease", "message": "The worker is gone."}),
    ]
)


@st.composite
def streams(draw) -> list[Event]:
    """All the events of a run, from the first to the final one."""
    drafts = [(Kind.QUEUED, {}), (Kind.STARTED, {}), *draw(st.lists(deltas, max_size=20)), draw(ends)]
    return [Event(RUN, seq, kind, orjson.dumps(data)) for seq, (kind, data) in enumerate(drafts, 1)]


def said_in(events: list[Event]) -> list[RunEvent]:
    return [RunEvent(event.seq, event.kind, orjson.loads(event.data)) for event in events]


def telling(is_background: bool = True, **body) -> ResponseFold:
    echo = parse_response_request({"input": "Hi", "instructions": "Be brief.", **body}).echo
    values = {"id": "resp_7", "object": "response", "created_at": 1, "model": "betula", "background": is_background}
    more = {"completed_at": None, "error": None, "usage": None, "incomplete_details": None, "store": True}
    return ResponseFold(RUN.hex, values | more | echo)


def told(events: list[Event], after: int = 0) -> bytes:
    teller = ResponseEncoder(telling(), after)
    return b"".join(teller.encode(said, NOW) for said in said_in(events))


def heard(events: list[Event]) -> list[dict]:
    fold_of = telling()
    return [event for said in said_in(events) for event in fold_of.apply(said, NOW)]


@untimed
@given(events=streams(), after=st.integers(0, 60))
def test_whoever_comes_back_is_told_exactly_the_rest(events, after):
    whole = told(events).split(b"\n\n")
    assert told(events, after).split(b"\n\n") == whole[min(after, len(whole) - 2) :]


@untimed
@given(events=streams())
def test_a_stream_that_was_compacted_is_told_again_event_for_event(events):
    """What the log keeps is a snapshot and the final event."""
    *before, final = events
    again = list(expand(RUN, outline_of(events).decode(), snapshot_data(fold(before))))
    assert [(event.seq, event.kind, orjson.loads(event.data)) for event in again] == [tuple(s) for s in said_in(before)]
    assert told([*again, final]) == told(events)


@settings(max_examples=50, deadline=None)
@given(events=streams(), summary=st.sampled_from([None, "auto"]))
def test_every_event_has_the_clients_own_type(events, summary):
    fold_of = telling(reasoning={"summary": summary})
    for said in said_in(events):
        for event in fold_of.apply(said, NOW):
            assert_event(event)
        assert_response(fold_of.response())


@untimed
@given(events=streams())
def test_items_and_parts_come_in_order_and_add_up(events):
    all_told = heard(events)
    assert [event["sequence_number"] for event in all_told] == list(range(1, len(all_told) + 1))
    assert [event["type"] for event in all_told[:3]] == ["response.created", "response.queued", "response.in_progress"]
    output = all_told[-1]["response"]["output"]
    folded = fold(events)
    for index, item in enumerate(output):
        own = [event for event in all_told if event.get("output_index") == index]
        names = [event["type"].removeprefix("response.") for event in own]
        assert (names[0], names[-1]) == ("output_item.added", "output_item.done")
        assert (own[0]["item"]["id"], own[-1]["item"]) == (item["id"], item)
        assert {event["item_id"] for event in own[1:-1]} == {item["id"]}
        said = "".join(event["delta"] for event in own if "delta" in event)
        if item["type"] == "function_call":
            assert (said, names[-2]) == (item["arguments"], "function_call_arguments.done")
        else:
            part = item["content"][0]
            assert said == part.get("refusal", part.get("text"))
            assert (names[1], names[-2]) == ("content_part.added", "content_part.done")
            assert {name.rpartition(".")[2] for name in names[2:-2]} == {"delta", "done"}
    parts = [item["content"][0] for item in output if item["type"] == "message"]
    texts = [part.get("refusal", part.get("text")) for part in parts]
    thoughts = [item["content"][0]["text"] for item in output if item["type"] == "reasoning"]
    assert ("".join(texts), "".join(thoughts)) == (folded.text, folded.reasoning)
    calls = [item for item in output if item["type"] == "function_call"]
    assert [(call["name"], call["arguments"]) for call in calls] == [
        (tool["name"], tool["arguments"]) for tool in folded.tools
    ]


@pytest.mark.parametrize(
    ("kind", "data", "name", "status", "item_status"),
    [
        (Kind.COMPLETED, {"finish_reason": "stop"}, "response.completed", "completed", "completed"),
        (Kind.COMPLETED, {"finish_reason": "length"}, "response.incomplete", "incomplete", "incomplete"),
        (Kind.STOPPED, {"reason": "user"}, "response.cancelled", "cancelled", "incomplete"),
        (Kind.FAILED, {"code": "upstream_rate_limited", "message": "B."}, "response.failed", "failed", "incomplete"),
        (Kind.LOST, {"reason": "lease", "message": "The worker is gone."}, "response.failed", "failed", "incomplete"),
    ],
)
def test_each_end_of_a_run_is_an_end_of_its_response(kind, data, name, status, item_status):
    drafts = [(Kind.QUEUED, {}), (Kind.STARTED, {}), (Kind.TEXT, {"text": "Hi"}), (kind, data)]
    last = heard([Event(RUN, seq, kind, orjson.dumps(data)) for seq, (kind, data) in enumerate(drafts, 1)])[-1]
    response = last["response"]
    assert (last["type"], response["status"], response["output"][0]["status"]) == (name, status, item_status)
    assert (response["completed_at"] is not None) == (status == "completed")
    if kind == Kind.FAILED:
        error = {"code": "rate_limit_exceeded", "message": "B.", "type": "upstream_rate_limited"}
        assert response["error"] == error


def completed(*drafts, finish_reason="stop"):
    rest = [*drafts, (Kind.COMPLETED, {"finish_reason": finish_reason})]
    drafts = [(Kind.QUEUED, {}), (Kind.STARTED, {}), *rest]
    return [Event(RUN, seq, kind, orjson.dumps(data)) for seq, (kind, data) in enumerate(drafts, 1)]


def test_a_refusal_is_a_part_of_its_own():
    response = heard(completed((Kind.TEXT, {"text": "I cannot.", "refusal": True})))[-1]["response"]
    assert response["output"][0]["content"] == [{"type": "refusal", "refusal": "I cannot."}]


def test_reasoning_is_a_summary_for_clients_that_request_one():
    fold_of = telling(reasoning={"summary": "auto"})
    events = completed((Kind.REASONING, {"text": "Hm. "}), (Kind.REASONING, {"text": "So."}))
    names = [event["type"] for said in said_in(events) for event in fold_of.apply(said, NOW)]
    assert names.count("response.reasoning_summary_text.delta") == 2
    assert fold_of.response()["output"][0]["summary"] == [{"type": "summary_text", "text": "Hm. So."}]


def test_details_of_usage_are_the_upstream_s():
    counts = {"prompt_tokens": 9, "completion_tokens": 7, "cached_tokens": 4, "reasoning_tokens": 6}
    usage = heard(completed((Kind.USAGE, counts)))[-1]["response"]["usage"]
    assert usage["input_tokens_details"]["cached_tokens"] == 4
    assert usage["output_tokens_details"]["reasoning_tokens"] == 6


@pytest.mark.parametrize(
    ("reason", "why"), [("max_tokens", "max_output_tokens"), ("SAFETY", "content_filter"), ("end_turn", None)]
)
def test_servers_words_for_an_answer_that_was_cut_are_understood(reason, why):
    response = heard(completed(finish_reason=reason))[-1]["response"]
    assert response["status"] == ("incomplete" if why else "completed")
    assert (response["incomplete_details"] or {}).get("reason") == why
