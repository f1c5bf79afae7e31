"""Bytes in, deltas out: however the stream is split, and whatever it contains."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.errors import UpstreamFailed, UpstreamGarbage
from runs.net.sse import MAX_EVENT_BYTES, EventParser, EventTooLarge
from runs.upstream.reading.chunks import parse
from runs.upstream.reading.deltas import FINISH
from streams.events import Kind

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def _chunk(**delta) -> bytes:
    return json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode()


def _pieces(whole: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(whole), *(cut % (len(whole) + 1) for cut in cuts)})
    return [whole[start:end] for start, end in itertools.pairwise(places)]


def _said(pieces: list[bytes]) -> str:
    parser, text = EventParser(), ""
    for piece in pieces:
        deltas, error = parse(parser.feed(piece))
        assert error is None
        text += "".join(delta.data["text"] for delta in deltas)
    return text


@given(st.lists(texts, max_size=20), st.lists(st.integers(0, 10_000)), st.sampled_from(["\n", "\r\n", "\r"]))
def test_however_the_stream_is_cut_the_text_is_the_same(words, cuts, newline):
    lines = [f": a comment{newline}id: 7{newline}{_data(w, newline)}{newline}" for w in words]
    whole = "".join(lines).encode()
    assert _said(_pieces(whole, cuts)) == "".join(words).replace("\0", "\ufffd")


def _data(word: str, newline: str) -> str:
    """An event's data, on one line or on several, depending on its length."""
    chunk = {"choices": [{"index": 0, "delta": {"content": word}}]}
    text = json.dumps(chunk, ensure_ascii=False, indent=1 if len(word) % 2 else None)
    return "".join(f"data: {line}{newline}" for line in text.split("\n"))


EVENTS = [
    b'data: {"a":1}\n\n',
    b'data: {"b":2} \n\n',
    b'data:{"c":3}\n\n',
    b'data: {"d":\ndata: 4}\n\n',
    b'data: {"e":5}\ndata: {"f":6}\n\n',
    b'data: {"g":7}\r\n\r\n',
    b'data: {"h":8}\n: ping\n\n',
    b"data: [DONE] \n\n",
    b"data: \n\n",
    b"data: }\n\n",
    b": ping\n\n",
    b'event: error\ndata: {"i":9}\n\n',
    b'event: delta\ndata: {"j":10}\n\n',
    b'{"k":11}\n\n',
]


@given(st.lists(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=4).map(b"".join), max_size=4))
def test_whole_events_in_one_piece_are_read_as_byte_by_byte(pieces):
    def read(parser: EventParser, parts: list[bytes]) -> list[bytes]:
        payloads: list[bytes] = []
        for part in parts:
            if parser.error is None:
                payloads += parser.feed(part)
        return payloads

    quick, slow = EventParser(), EventParser()
    assert read(quick, pieces) == read(slow, [bytes([byte]) for byte in b"".join(pieces)])
    assert quick.error == slow.error


DELTAS = [
    {"content": "word"},
    {"content": "a\0b", "role": "assistant"},
    {"reasoning_content": "hm", "content": None},
    {"reasoning": "hm", "content": ""},
    {"reasoning": "hm", "reasoning_content": "hm hm"},
    {"reasoning_content": "hm", "content": "word"},
    {"content": "word", "refusal": "no"},
    {"content": "", "thinking": "hm"},
    {"content": ["part", {"text": "another"}]},
    {"reasoning": [{"text": "hm"}]},
    {"content": 5},
    {"content": ""},
    {"role": "assistant"},
    {},
    "text",
    None,
]
IN_CHOICE = [{}, {"index": 0}, {"finish_reason": "stop"}, {"finish_reason": ""}, {"error": {"message": "broken"}}]
IN_CHUNK = [
    {},
    {"usage": None},
    {"usage": {"prompt_tokens": 1, "completion_tokens": 2}},
    {"citations": ["https://wrens.example/1"]},
    {"error": {}},
    {"error": {"message": "no"}},
    {"choices": []},
]


@pytest.mark.parametrize("in_chunk", IN_CHUNK, ids=str)
def test_a_plain_chunk_is_read_as_by_the_long_way(in_chunk):
    for delta, in_choice in itertools.product(DELTAS, IN_CHOICE):
        chunk = {"choices": [{"delta": delta, "finish_reason": None, **in_choice}], **in_chunk}
        payloads = [_chunk(content="begin"), json.dumps(chunk).encode()]
        found, failure = parse(payloads)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("runs.upstream.reading.chunks._plain_delta", lambda chunk: None)
            by_the_long_way, same = parse(payloads)
        assert (found, repr(failure)) == (by_the_long_way, repr(same)), chunk


@given(st.binary(max_size=300), st.lists(st.integers(0, 300)))
def test_garbage_is_an_error_or_nothing_never_a_crash(noise, cuts):
    parser = EventParser()
    for piece in _pieces(b"data: " + noise + b"\n\n", cuts):
        _, error = parse(parser.feed(piece))
        assert error is None or isinstance(error, UpstreamGarbage | UpstreamFailed)


DEEP = "[" * 300 + "]" * 300
JUNK = [
    '"text"',
    "17",
    "{",
    '{"choices": 5}',
    '{"choices": [5]}',
    '{"choices": [{"delta": []}]}'.replace("[]", "[1]"),
    '{"choices": [{"delta": {"tool_calls": [7]}}]}',
    "[" * 10_000,
    "[" * 300 + "]" * 300,
    f'{{"choices": [{{"delta": {{"content": {DEEP}}}}}]}}',
    f'{{"choices": [{{"delta": {{}}, "finish_reason": {"[" * 1_015 + "]" * 1_015}}}]}}',
    f'{{"choices": [{{"delta": {{"tool_calls": [{{"id": {DEEP}}}]}}}}]}}',
    f'{{"choices": [{{"delta": {{"content": "\\ud800", "x": {"[" * 5_000 + "]" * 5_000}}}}}]}}',
    '{"choices": [{"delta": {"content": {"\\ud800": 1}}}]}',
]


@pytest.mark.parametrize("junk", JUNK)
def test_what_is_no_chunk_is_garbage_and_what_came_before_is_kept(junk):  # B10
    deltas, error = parse([_chunk(content="kept"), junk.encode()])
    assert isinstance(error, UpstreamGarbage)
    assert [delta.data for delta in deltas] == [{"text": "kept"}]


@pytest.mark.parametrize("error", [DEEP, '"\\ud800"', '{"message": "\\ud800"}', '{"\\udfff": 1}', "17", '"why"'])
def test_whatever_stands_in_an_error_s_place_is_a_failure_that_can_be_stored(error):  # B10
    _, failure = parse([f'{{"error": {error}}}'.encode()])
    assert isinstance(failure, UpstreamFailed)
    assert str(failure).encode()


def test_a_number_in_the_place_of_a_call_s_name_is_its_digits():
    assert parse([_chunk(tool_calls=[{"id": 7}])])[0] == [(Kind.TOOL, {"index": 0, "id": "7"})]


def test_half_of_a_surrogate_pair_and_broken_bytes_become_replacement_characters():  # B58
    half = b'{"choices": [{"delta": {"content": "a\\ud83d"}}]}'
    broken = b'{"choices": [{"delta": {"content": "b\xff"}}]}'
    deltas, error = parse([half, broken])
    assert error is None
    assert deltas[0].data["text"] == "a\ufffdb\ufffd"


def test_each_kind_of_delta_has_its_event():
    call = {"index": 1, "id": "x", "function": {"name": "f", "arguments": "{"}}
    payloads = [
        _chunk(reasoning_content="hm "),
        _chunk(reasoning="so"),
        _chunk(content="Hi"),
        _chunk(tool_calls=[call]),
        b'{"choices": [{"delta": {}, "finish_reason": "length"}]}',
        b'{"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "other": {}}}',
    ]
    deltas, error = parse(payloads)
    assert error is None
    assert [tuple(delta) for delta in deltas] == [
        (Kind.REASONING, {"text": "hm so"}),
        (Kind.TEXT, {"text": "Hi"}),
        (Kind.TOOL, {"index": 0, "id": "x", "name": "f", "arguments": "{"}),
        (FINISH, {"finish_reason": "length"}),
        (Kind.USAGE, {"prompt_tokens": 3, "completion_tokens": 4}),
    ]


@pytest.mark.parametrize("call", [{"id": "x" * 5_000}, {"function": {"name": "x" * 5_000}}])
def test_a_tool_call_with_an_endless_name_is_refused(call):
    deltas, error = parse([_chunk(content="Hi"), _chunk(tool_calls=[call])])
    assert deltas == [(Kind.TEXT, {"text": "Hi"})] and isinstance(error, UpstreamGarbage)


def test_an_event_that_does_not_end_is_refused():
    parser = EventParser()
    with pytest.raises(EventTooLarge):
        for _ in range(MAX_EVENT_BYTES // 2**20 + 2):
            parser.feed(b"data: " + b"x" * 2**20)
