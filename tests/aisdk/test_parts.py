"""The mapping from events to parts, without a server: what a client adds up is what the log folds to."""

from itertools import pairwise
from uuid import UUID

import orjson
from hypothesis import given
from hypothesis import strategies as st

from chatapp.aisdk.ui_parts import PartEncoder
from chatapp.aisdk.ui_stream import UIMessageFraming
from runs.upstream.reading.sources import merge
from streams.delivery.hub import EncodedEvent
from streams.events import Event, Folded, Kind, envelope, fold

METADATA = {"run": "r"}
words = st.text(max_size=5)
names = st.sampled_from(["weather", "time"])
pages = st.sampled_from([{"url": f"https://wrens.example/{n}", "title": "Wrens" * n} for n in range(3)])
deltas = st.one_of(
    st.tuples(st.just(Kind.TEXT), st.fixed_dictionaries({"text": words})),
    st.tuples(st.just(Kind.REASONING), st.fixed_dictionaries({"text": words})),
    st.tuples(
        st.just(Kind.TOOL),
        st.fixed_dictionaries({"index": st.integers(0, 2)}, optional={"name": names, "arguments": words}),
    ),
    st.tuples(st.just(Kind.SOURCES), st.fixed_dictionaries({"sources": st.lists(pages, max_size=3)})),
    st.tuples(st.just(Kind.USAGE), st.just({"prompt_tokens": 3, "completion_tokens": 4})),
    st.tuples(st.just(Kind.RETRYING), st.just({"code": "upstream_unavailable", "seconds": 1.0})),
)
ends = st.sampled_from(
    [
        (Kind.COMPLETED, {"finish_reason": "stop"}),
        (Kind.STOPPED, {"reason": "user"}),
        (Kind.FAILED, {"code": "upstream_failed", "message": "The model server reported an error.", "retryable": True}),
        (Kind.LOST, {"reason": "lease", "message": "The process that was writing this answer ended unexpectedly."}),
    ]
)
streams = st.tuples(st.lists(deltas, max_size=20), ends).map(
    lambda drawn: [(Kind.QUEUED, {}), (Kind.STARTED, {}), *drawn[0], drawn[1]]
)


def told(events, cuts=(), before=None) -> list[dict]:
    """The parts for events that come in batches, cut at these places."""
    teller, parts, places = PartEncoder("m", METADATA, before or Folded()), [], sorted({0, *cuts, len(events)})
    for begin, end in pairwise(places):
        parts += teller.encode(events[begin:end])
    assert teller.is_over == (events[-1][0] in {"run.completed", "run.stopped", "run.failed", "run.lost"})
    return parts


def folded(events) -> Folded:
    return fold(Event("s", seq, kind, orjson.dumps(data)) for seq, (kind, data) in enumerate(events, 1))


class Reader:
    """Adds parts up as the SDK does, and objects as it does."""

    def __init__(self, parts):
        self.texts, self.tools, self.open, self.metadata = [], {}, {}, {}
        for part in parts:
            self.take(part, *part["type"].rpartition("-")[::2])

    def take(self, part, kind, step):
        if kind in ("text", "reasoning"):
            self.take_text(part, kind, step)
        elif kind == "tool-input":
            self.take_tool(part, step)
        else:
            self.metadata |= part.get("messageMetadata", {})

    def take_text(self, part, kind, step):
        if step == "start":
            assert part["id"] not in self.open, "begun twice"
            self.open[part["id"]] = [kind, ""]
            self.texts.append(self.open[part["id"]])
        elif step == "delta":
            self.open[part["id"]][1] += part["delta"]
        else:
            del self.open[part["id"]]

    def take_tool(self, part, step):
        call = part["toolCallId"]
        if step == "start":
            assert call not in self.tools, "begun twice"
            self.tools[call] = [part["toolName"], ""]
        elif step == "delta":
            self.tools[call][1] += part["inputTextDelta"]
        elif call not in self.tools:
            self.tools[call] = [part["toolName"], ""]

    def said(self, wanted):
        return "".join(text for kind, text in self.texts if kind == wanted)


@given(streams, st.lists(st.integers(0, 20)))
def test_what_a_client_adds_up_is_what_the_log_folds_to(events, cuts):
    parts, log = told(events, [cut for cut in cuts if cut < len(events)]), folded(events)
    reader = Reader(parts)
    assert (reader.said("text"), reader.said("reasoning")) == (log.text, log.reasoning)
    assert reader.open == {}, "something was left open"
    assert [part["url"] for part in parts if part["type"] == "source-url"] == [
        page["url"] for page in merge([], log.sources)
    ]
    assert [arguments for name, arguments in reader.tools.values() if name != "unknown"] == [
        tool["arguments"] for tool in sorted_by_first_name(events, log.tools)
    ]
    assert [part["type"] for part in parts[:2]] == ["start", "start-step"]
    assert [part["type"] for part in parts if part["type"] in ("finish", "abort", "error")] == [parts[-1]["type"]]


def sorted_by_first_name(events, tools):
    named = [data["index"] for kind, data in events if kind == Kind.TOOL and data.get("name")]
    by_index = {tool["index"]: tool for tool in tools if tool["name"]}
    return [by_index[index] for index in dict.fromkeys(named)]


@given(streams, st.lists(st.integers(0, 20)))
def test_a_replay_says_the_same_as_following_live(events, cuts):
    def joined(parts):
        reader = Reader(parts)
        return reader.texts, reader.tools, reader.metadata, parts[-1]

    assert joined(told(events)) == joined(told(events, [cut for cut in cuts if cut < len(events)]))


@given(streams, st.integers(0, 20))
def test_a_log_that_is_compacted_under_a_slow_reader_tells_the_rest_once(events, place):
    place = min(place, len(events) - 1)
    log = folded(events[:-1])
    snapshot = {"text": log.text, "reasoning": log.reasoning, "tools": log.tools}
    parts = told([*events[:place], (Kind.SNAPSHOT, snapshot), events[-1]], cuts=[place])
    reader = Reader(parts)
    assert (reader.said("text"), reader.said("reasoning")) == (log.text, log.reasoning)
    assert sorted(arguments for name, arguments in reader.tools.values() if name != "unknown") == sorted(
        tool["arguments"] for tool in log.tools if tool["name"]
    )


def test_a_history_comes_in_few_parts():
    events = [(Kind.STARTED, {}), *[(Kind.TEXT, {"text": "w "})] * 500, (Kind.COMPLETED, {"finish_reason": "length"})]
    assert told(events) == [
        {"type": "start", "messageId": "m", "messageMetadata": METADATA},
        {"type": "start-step"},
        {"type": "text-start", "id": "text-1"},
        {"type": "text-delta", "id": "text-1", "delta": "w " * 500},
        {"type": "text-end", "id": "text-1"},
        {"type": "finish-step"},
        {"type": "message-metadata", "messageMetadata": {"state": "complete"}},
        {"type": "finish", "finishReason": "length"},
    ]


def test_a_continued_answer_begins_with_what_was_said_before():  # B39
    before = Folded(text="Once ", reasoning="Hm.", tools=[])
    reader = Reader(told([(Kind.TEXT, {"text": "upon"}), (Kind.COMPLETED, {"finish_reason": "stop"})], before=before))
    assert reader.texts == [["reasoning", "Hm."], ["text", "Once upon"]]


def test_a_tool_whose_arguments_are_cut_off_is_told_as_an_error():
    call = {"index": 0, "id": "call-1", "name": "weather", "arguments": '{"city": '}
    parts = told([(Kind.TOOL, call), (Kind.STOPPED, {"reason": "user"})])
    assert [part["type"] for part in parts[2:]] == [
        "tool-input-start", "tool-input-delta", "tool-input-error", "finish-step", "message-metadata", "abort",
    ]  # fmt: skip
    whole = told(
        [(Kind.TOOL, call | {"arguments": '{"city": "Ulm"}'}), (Kind.COMPLETED, {"finish_reason": "tool_calls"})]
    )
    assert whole[4] | {"type": "tool-input-available", "input": {"city": "Ulm"}} == whole[4]
    assert whole[-1] == {"type": "finish", "finishReason": "tool-calls"}


def test_an_end_of_the_connection_is_never_taken_for_the_end_of_the_answer():  # B34
    teller = PartEncoder("m", METADATA, Folded())
    teller.encode([(Kind.TEXT, {"text": "Once"})])
    assert [part["type"] for part in teller.interrupt()] == ["error"]


def test_a_response_that_ends_before_the_answer_says_so_and_one_that_ends_with_it_does_not():  # B34
    def last_words(*events):
        framing = UIMessageFraming(PartEncoder("m", METADATA, Folded()))
        framing.frames(
            [EncodedEvent(seq, False, envelope(UUID(int=1), seq, *event)) for seq, event in enumerate(events, 1)]
        )
        return framing.end()

    done, started = (Kind.COMPLETED, b'{"finish_reason": "stop"}'), (Kind.STARTED, b"{}")
    assert last_words(started, done) == b"data: [DONE]\n\n"
    assert b'"type":"error"' in last_words(started) and last_words(started).endswith(b"data: [DONE]\n\n")
