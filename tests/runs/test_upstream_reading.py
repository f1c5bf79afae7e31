# ruff: noqa: E501
"""Reasoning in tags, tool calls, counts and finish reasons, as each vendor sends them; and bodies that are too much."""

import asyncio
import gzip
import json
import zlib
from types import SimpleNamespace

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.errors import UpstreamRateLimited, UpstreamWebPage
from runs.net.errors import ProtocolError, ResponseTooLarge
from runs.net.inflate import STEP_BYTES, Inflater
from runs.upstream.reading.answer import AnswerReader
from runs.upstream.reading.finish_reasons import Ending, cut_off_note, ending_of, is_reason
from runs.upstream.reading.reasoning import MAX_REMEMBERED
from runs.upstream.reading.tool_calls import MAX_TOOL_CALLS, ToolCallTracker
from runs.upstream.reading.usage import MAX_COUNT, counts_of
from streams.events import Kind, ToolCalls
from tests.runs.reading import Recording, read_now


def stream(*pieces: str, finish: str = "stop") -> bytes:
    chunks = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
    chunks.append({"choices": [{"delta": {}, "finish_reason": finish}]})
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode() + b"data: [DONE]\n\n"


# (the whole text, its reasoning, what is left)
TAGGED = [
    ("<think>\nHm.\n</think>\n\nHi.", "Hm.\n", "Hi."),
    ("\n\n<think>Hm.</think>Hi.", "Hm.", "Hi."),
    ("<thought>Hm.</thought>Hi.", "Hm.", "Hi."),
    ("<Thinking>Hm.</THINKING>Hi.", "Hm.", "Hi."),
    ("<seed:think>Hm.</seed:think>Hi.", "Hm.", "Hi."),
    ("[THINK]Hm.[/THINK]Hi.", "Hm.", "Hi."),
    ("◁think▷Hm.◁/think▷Hi.", "Hm.", "Hi."),
    ("<|START_THINKING|>Hm.<|END_THINKING|>Hi.", "Hm.", "Hi."),
    ("<|channel>thought\nHm.<channel|>Hi.", "Hm.", "Hi."),
    ("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hi.", "Hm.", "Hi."),
    ("<think>a</think>\n<think>b</think>Hi.", "ab", "Hi."),
    ("<think>\n\n</think>\n\nHi.", "", "Hi."),
    ("</think>\n\nHi.", "", "Hi."),
    ("Hm.\nSo.\n</think>\n\nHi.", "Hm.\nSo.\n", "Hi."),
    ("<think>Hm. 1 < 2 </thin", "Hm. 1 < 2 </thin", ""),
    ("<think>Hm.", "Hm.", ""),
    ("a <think> b", "", "a <think> b"),
    ("Use <think> and </think>.", "", "Use <think> and </think>."),
    ("The tag `</think>` ends it.", "", "The tag `</think>` ends it."),
    ("1 < 2 and <b>bold</b> </thinker>", "", "1 < 2 and <b>bold</b> </thinker>"),
    ("  indented", "", "  indented"),
    ("<thi", "", "<thi"),
    ("<", "", "<"),
    ("\n \n", "", ""),
]


@pytest.mark.parametrize(("whole", "reasoning", "text"), TAGGED)
def test_reasoning_in_tags_is_taken_out_of_the_text_wherever_it_is_cut(whole, reasoning, text):  # B63
    ways = [[whole], [*whole], *([whole[:at], whole[at:]] for at in range(1, len(whole)))]
    for pieces in ways:
        got, _ = read_now(stream(*pieces))
        assert (got.reasoning, got.text) == (reasoning, text), pieces


STOP = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
HI = {"choices": [{"delta": {"content": "Hi."}}]}


def framed(*chunks: object) -> bytes:
    return b"".join(
        b"data: %b\n\n" % (each if isinstance(each, bytes) else json.dumps(each).encode()) for each in chunks
    )


ENVELOPES = {
    "framed twice": framed(b"data: " + json.dumps(HI).encode(), b"data: " + json.dumps(STOP).encode()),
    "a gateway's envelope": framed(*({"code": 0, "msg": "ok", "data": chunk} for chunk in (HI, STOP))),
    "a vendor's own envelope": framed(*({"output": chunk, "usage": {}} for chunk in (HI, STOP))),
    "one list of all chunks": json.dumps([HI, STOP]).encode(),
    "a delta that is a string": framed({"choices": [{"delta": "Hi."}]}, STOP),
    "the words of an audio": framed({"choices": [{"delta": {"audio": {"id": "a", "transcript": "Hi."}}}]}, STOP),
    "a reason that is an object": framed(HI, {"choices": [{"delta": {}, "finish_reason": {"type": "stop"}}]}),
}


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_an_answer_is_found_in_whatever_holds_it(envelope):  # B63
    body = ENVELOPES[envelope]
    for cut in (len(body), 3):
        got, _ = read_now(body, [*range(0, len(body), cut)])
        assert (got.text, got.finish) == ("Hi.", "stop")


def test_an_error_in_a_list_is_that_error():
    got, _ = read_now(b'[{"error": {"code": 429, "message": "Resource exhausted", "status": "RESOURCE_EXHAUSTED"}}]')
    assert isinstance(got.error, UpstreamRateLimited)


def test_a_character_that_is_cut_into_two_chunks_is_whole():
    first, second = (b'{"choices":[{"delta":{"content":"%b"}}]}' % half for half in (b"a\\ud83d", b"\\ude00b"))
    for places in ([], [len(framed(first))]):
        assert read_now(framed(first, second, STOP), places)[0].text == "a😀b"
    assert read_now(framed(first, STOP))[0].text == "a\ufffd"


def test_a_text_that_is_too_long_to_be_moved_stays_text():
    got, _ = read_now(stream("a" * (MAX_REMEMBERED + 1), "</think>", "b"))
    assert got.reasoning == "" and got.text.endswith("a</think>b")


def test_white_space_without_an_end_is_read_in_linear_time():  # B68
    got, _ = read_now(stream(*[" " * 100] * 3_000, "x"))
    assert got.text.strip() == "x"


W, T = {"name": "weather", "arguments": '{"c":1}'}, {"name": "time", "arguments": "{}"}
W9 = {"name": "weather", "arguments": '{"c":9}'}
CALLS = {
    "OpenAI": ([[{"index": 0, "id": "a", "function": {"name": "weather", "arguments": ""}}], [{"index": 0, "function": {"arguments": '{"c"'}}], [{"index": 0, "function": {"arguments": ":1}"}}]], [W]),
    "numbers with a point, or as text": ([[{"index": 0.0, "id": "a", "function": {"name": "weather", "arguments": '{"c"'}}], [{"index": "0", "function": {"arguments": ":1}"}}]], [W]),
    "an index that is no number": ([[{"index": [0], "id": "a", "function": W}], [{"index": None, "id": "b", "function": T}]], [W, T]),
    "Gemini: no index": ([[{"id": "a", "function": W}, {"id": "b", "function": T}]], [W, T]),
    "Gemini: no index, chunk by chunk": ([[{"id": "a", "function": W}], [{"id": "b", "function": T}]], [W, T]),
    "all with index 0": ([[{"index": 0, "id": "a", "function": W}], [{"index": 0, "id": "b", "function": T}]], [W, T]),
    "all with index 0, one chunk": ([[{"index": 0, "function": W}, {"index": 0, "function": T}]], [W, T]),
    "index 0 and no id, the same tool twice": ([[{"index": 0, "function": W}, {"index": 0, "function": {"name": "weather", "arguments": '{"c":2}'}}]], [W, {"name": "weather", "arguments": '{"c":2}'}]),
    "no index, no id, the same tool twice": ([[{"function": W}, {"function": W}]], [W, W]),
    "no id, index 0, another name": ([[{"index": 0, "function": W}], [{"index": 0, "function": T}]], [W, T]),
    "empty ids": ([[{"index": 0, "id": "", "function": W}], [{"index": 1, "id": "", "function": T}]], [W, T]),
    "interleaved": ([[{"index": 0, "id": "a", "function": {"name": "weather"}}, {"index": 1, "id": "b", "function": {"name": "time"}}], [{"index": 1, "function": {"arguments": "{"}}, {"index": 0, "function": {"arguments": '{"c":'}}], [{"index": 0, "function": {"arguments": "1}"}}, {"index": 1, "function": {"arguments": "}"}}]], [W, T]),
    "a new id with each piece": ([[{"index": 0, "id": "a", "function": {"name": "weather", "arguments": '{"c"'}}], [{"index": 0, "id": "b", "function": {"arguments": ":1}"}}]], [W]),
    "the name again": ([[{"index": 0, "id": "a", "function": {"name": "weather", "arguments": '{"c"'}}], [{"index": 0, "id": "a", "function": {"name": "weather", "arguments": ":1}"}}]], [W]),
    "the name in pieces": ([[{"index": 0, "id": "a", "function": {"name": "wea"}}], [{"index": 0, "function": {"name": "ther"}}], [{"index": 0, "function": {"arguments": '{"c":1}'}}]], [W]),
    "the name growing": ([[{"index": 0, "id": "a", "function": {"name": "wea"}}], [{"index": 0, "id": "a", "function": W}]], [W]),
    "the same call again at the end": ([[{"index": 0, "id": "a", "function": {"name": "weather", "arguments": '{"c"'}}], [{"index": 0, "function": {"arguments": ":1}"}}], [{"index": 0, "id": "a", "function": W}]], [W]),
    "an object": ([[{"index": 0, "id": "a", "function": {"name": "weather", "arguments": {"c": 1}}}]], [W]),
    "arguments that grow": ([[{"index": 0, "id": "a", "function": {"name": "weather", "arguments": '{"c":'}}], [{"index": 0, "id": "a", "function": W}]], [W]),
    "the name as id": ([[{"index": 0, "id": "weather", "function": W}], [{"index": 1, "id": "weather", "function": W9}]], [W, W9]),
    "the name as id, no index": ([[{"id": "weather", "function": W}, {"id": "weather", "function": W9}]], [W, W9]),
    "one id for two tools": ([[{"index": 0, "id": "a", "function": W}], [{"index": 1, "id": "a", "function": T}]], [W, T]),
    "index 0 and no id, chunk by chunk": ([[{"index": 0, "function": W}], [{"index": 0, "function": W9}]], [W, W9]),
    "a list": ([[{"index": 0, "id": "a", "function": {"name": "weather", "arguments": [1]}}]], [{"name": "weather", "arguments": "[1]"}]),
    "as Anthropic names them": ([[{"index": 0, "id": "a", "type": "tool_use", "name": "weather", "input": {"c": 1}}]], [W]),
    "a null among them": ([[None, {"index": 0, "id": "a", "function": W}]], [W]),
    "nulls": ([[{"index": 0, "id": "a", "function": {"name": "weather", "arguments": None}}], [{"index": 0, "id": None, "function": {"name": None, "arguments": '{"c":1}'}}]], [W]),
    "no index after the first": ([[{"index": 0, "id": "a", "function": {"name": "weather"}}], [{"function": {"arguments": '{"c":1}'}}]], [W]),
    "index from 1": ([[{"index": 1, "id": "a", "function": W}], [{"index": 2, "id": "b", "function": T}]], [W, T]),
    "numbers as ids": ([[{"id": 7, "function": W}], [{"id": 8, "function": T}]], [W, T]),
}  # fmt: skip


@pytest.mark.parametrize("vendor", CALLS)
def test_tool_calls_are_told_apart_and_nothing_is_doubled(vendor):  # B64
    chunks, wanted = CALLS[vendor]
    tracker, calls = ToolCallTracker(), ToolCalls()
    for pieces in chunks:
        for data in tracker.pieces_of(pieces):
            calls.add(data)
    for data in tracker.finish():
        calls.add(data)
    joined = calls.joined()
    assert [{"name": call["name"], "arguments": call["arguments"]} for call in joined] == wanted
    assert [call["index"] for call in joined] == [*range(len(wanted))]


def test_the_old_single_call_counts_once_beside_the_new_form():
    tracker = ToolCallTracker()
    assert tracker.pieces_of([{"index": 0, "id": "a", "function": W}])
    assert tracker.legacy_piece(W) == []
    old = ToolCallTracker()
    pieces = [*old.legacy_piece({"name": "weather", "arguments": '{"c"'}), *old.legacy_piece({"arguments": ":1}"})]
    assert [piece["index"] for piece in pieces] == [0, 0]


def test_what_a_provider_attaches_to_a_call_is_kept():  # B64
    extra = {"google": {"thought_signature": "Cv"}}
    [data] = ToolCallTracker().pieces_of([{"id": "a", "function": W, "extra_content": extra}])
    calls = ToolCalls()
    calls.add(data)
    assert calls.joined()[0]["extra_content"] == extra


def test_calls_that_repeat_an_object_for_ever_cost_no_more_than_their_bytes():  # B68
    tracker = ToolCallTracker()
    for _ in range(MAX_TOOL_CALLS * 40):
        tracker.pieces_of([{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}])


USAGES = [
    ({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}, (3, 4)),
    ({"input_tokens": 3, "output_tokens": 4}, (3, 4)),
    ({"prompt_eval_count": 3, "eval_count": 4}, (3, 4)),
    ({"promptTokenCount": 3, "candidatesTokenCount": 4}, (3, 4)),
    ({"prompt_n": 3, "predicted_n": 4}, (3, 4)),
    ({"prompt_tokens": "3", "completion_tokens": 4.0}, (3, 4)),
    ({"prompt_tokens": 10**30, "completion_tokens": -5}, (MAX_COUNT, 0)),
    ({"promptTokens": 3, "completionTokens": 4}, (3, 4)),
    ({"total_tokens": 0, "total_characters": 0}, None),
    ({}, None),
]


@pytest.mark.parametrize(("usage", "counts"), USAGES)
def test_counts_are_read_under_the_names_of_all_vendors(usage, counts):
    got = counts_of(usage)
    assert (got and (got["prompt_tokens"], got["completion_tokens"])) == counts


DETAILS = [
    ({"prompt_tokens_details": {"cached_tokens": 2}, "completion_tokens_details": {"reasoning_tokens": 1}}, 2, 1),
    ({"prompt_cache_hit_tokens": 2, "reasoning_tokens": 1}, 2, 1),
    ({"cached_tokens": 2}, 2, None),
    ({"cache_read_input_tokens": 2}, 2, None),
    ({"prompt_tokens_details": {"cached_tokens": "2"}, "thinking_tokens": 1.0}, 2, 1),
    ({"prompt_tokens_details": None, "completion_tokens_details": {}}, None, None),
]


@pytest.mark.parametrize(("details", "cached", "reasoning"), DETAILS)
def test_details_of_counts_are_kept(details, cached, reasoning):
    got = counts_of({"prompt_tokens": 3, "completion_tokens": 4} | details)
    assert (got.get("cached_tokens"), got.get("reasoning_tokens")) == (cached, reasoning)


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        ("stop", Ending.COMPLETE),
        ("eos_token", Ending.COMPLETE),
        ("tool_calls", Ending.COMPLETE),
        ("length", Ending.LENGTH),
        ("MAX_TOKENS", Ending.LENGTH),
        ("FINISH_REASON_MAX_TOKENS", Ending.LENGTH),
        ("model_length", Ending.LENGTH),
        ("content-filter", Ending.FILTER),
        ("SAFETY", Ending.FILTER),
        ("sensitive", Ending.FILTER),
        ("error", Ending.BROKEN),
        ("network_error", Ending.BROKEN),
        ("insufficient_system_resource", Ending.BROKEN),
        ("abort", Ending.BROKEN),
        ("rate_limited", Ending.BROKEN),
        ("UPSTREAM_TIMEOUT", Ending.BROKEN),
        ("malformed_tool_use", Ending.BROKEN),
        ("out_of_memory", Ending.BROKEN),
        ("maxTokens", Ending.LENGTH),
        ("ModelContextWindowExceeded", Ending.LENGTH),
        ("risk_control", Ending.FILTER),
        ("pause_turn", Ending.COMPLETE),
    ],
)
def test_a_finish_reason_means_one_of_four_things(reason, ending):  # B62
    assert is_reason(reason) and ending_of(reason) is ending
    assert bool(cut_off_note(reason, True)) == (ending in (Ending.LENGTH, Ending.FILTER))


@pytest.mark.parametrize("value", [None, "", "null", "None", " "])
def test_what_is_no_finish_reason_is_none(value):
    assert not is_reason(value)


COMPRESSIONS = {
    "gzip": ("gzip", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "deflate": ("deflate", lambda body: zlib.compress(body, wbits=-15)),
    "br": ("br", brotli.compress),
}


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_few_bytes_that_inflate_to_gigabytes_are_refused_step_by_step(compression):  # B68
    encoding, compress = COMPRESSIONS[compression]
    bomb, pieces = compress(bytes(2**24)), []
    inflater = Inflater(encoding, lambda piece: pieces.append(len(piece)) or False, 2**20)

    async def scenario() -> None:
        with pytest.raises(ResponseTooLarge):
            outcome = inflater.feed(bomb)
            assert len(pieces) == 1, "the first call inflates one step only"
            await outcome()

    asyncio.run(scenario())
    assert max(pieces) <= 2 * STEP_BYTES and sum(pieces) <= 2**20


@pytest.mark.parametrize(("encoding", "noise"), [("gzip", b"\x1f\x8bno gzip"), ("br", b"\xffno Brotli at all")])
def test_what_cannot_be_inflated_is_an_interruption(encoding, noise):
    with pytest.raises(ProtocolError):
        Inflater(encoding, lambda piece: False, 2**20).feed(noise)


@given(st.lists(st.integers(0, 500)), st.sampled_from([*COMPRESSIONS]))
def test_a_compressed_body_cut_anywhere_is_the_body(places, compression):  # B61
    encoding, compress = COMPRESSIONS[compression]
    got, is_finished = read_now(compress(stream("Hi ", "there.")), places, encoding)
    assert (got.text, is_finished) == ("Hi there.", True)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_long_body_that_arrives_at_once_is_inflated_to_its_end(compression):
    encoding, compress = COMPRESSIONS[compression]
    words = [f"word {number} " for number in range(3_000)]
    got, is_finished = read_now(compress(stream(*words)), [], encoding)
    assert (got.text, is_finished) == ("".join(words), True)


WHOLE = {"choices": [{"message": {"content": "Hi.", "reasoning": "Hm."}, "finish_reason": "stop"}]}
BODIES = {
    "one object": json.dumps(WHOLE),
    "with a line end": json.dumps(WHOLE) + "\n",
    "over many lines": json.dumps(WHOLE, indent=2),
    "after white space": "\n\n  " + json.dumps(WHOLE),
    "without a reason": json.dumps({"choices": [{"message": {"content": "Hi.", "reasoning": "Hm."}}]}),
    "line by line": '{"choices": [{"delta": {"reasoning": "Hm."}}]}\n{"choices": [{"delta": {"content": "Hi."}, "finish_reason": "stop"}]}\n',
}  # fmt: skip


@pytest.mark.parametrize("form", BODIES)
def test_a_body_of_json_is_an_answer(form):  # B61
    for places in ([], [1, 5, 9], [*range(400)]):
        got, is_finished = read_now(BODIES[form].encode(), places)
        assert (got.text, got.reasoning, is_finished, got.error) == ("Hi.", "Hm.", True, None)


def test_a_web_page_is_none():
    got, _ = read_now(b"\n<!DOCTYPE html><title>Sign in</title>")
    assert isinstance(got.error, UpstreamWebPage)


def test_plain_words_in_the_place_of_a_stream_say_what_is_wrong():
    got, _ = read_now(b"upstream connect error: too many requests")
    assert got.error is not None and got.error.code == "upstream_rate_limited"


def test_events_without_an_empty_line_between_them_are_read_as_they_come():  # B61
    body = stream("Hi ", "there.").replace(b"\n\n", b"\n")
    got, is_finished = read_now(body)
    assert (got.text, is_finished) == ("Hi there.", True)

    # The finish reason should be read although nothing follows it
    reader = AnswerReader(Recording())
    reader.feed(body.removesuffix(b"data: [DONE]\n"))
    assert reader.is_finished


URL = "https://example.org/wren"
SOURCES = {
    "Perplexity": {"choices": [{"delta": {}, "finish_reason": "stop"}], "citations": [URL], "search_results": [{"title": "Wrens", "url": URL}]},
    "xAI": {"choices": [], "citations": [{"url": URL, "title": "Wrens"}]},
    "OpenRouter": {"choices": [{"delta": {"content": "", "annotations": [{"type": "url_citation", "url_citation": {"url": URL, "title": "Wrens"}}]}}]},
    "at the beginning": {"choices": [{"delta": {"content": "Hi"}}], "citations": [{"url": URL, "title": "Wrens"}]},
    "Azure": {"choices": [{"delta": {"role": "assistant", "context": {"citations": [{"url": URL, "title": "Wrens"}]}}}]},
    "Gemini": {"choices": [{"delta": {}, "finish_reason": "stop", "grounding_metadata": {"groundingChunks": [{"web": {"uri": URL, "title": "Wrens"}}]}}]},
    "Groq": {"choices": [{"delta": {"content": "Hi", "executed_tools": [{"search_results": {"results": [{"url": URL, "title": "Wrens"}]}}]}}]},
    "Hunyuan": {"choices": [], "search_info": {"search_results": [{"url": URL, "title": "Wrens"}]}},
    "Zhipu": {"choices": [], "web_search": [{"link": URL, "title": "Wrens"}]},
}  # fmt: skip


@pytest.mark.parametrize("vendor", SOURCES)
def test_what_an_answer_is_based_on_is_kept_once(vendor):
    chunk = f"data: {json.dumps(SOURCES[vendor])}\n\n".encode()
    got, _ = read_now(chunk * 3)
    assert got.sources == [{"url": URL, "title": "Wrens"}]


def test_sources_are_recorded_as_soon_as_there_is_text_and_again_only_if_there_are_more():
    def chunk(text: str, *links: str) -> bytes:
        return f"data: {json.dumps({'choices': [{'delta': {'content': text}}], 'citations': links})}\n\n".encode()

    recorded, begun = [], []
    sink = SimpleNamespace(record=recorded.extend, is_full=lambda: False)
    reader = AnswerReader(sink, lambda: begun.append(True))
    for piece in (chunk("", URL), chunk("A", URL), chunk("B", URL), chunk("C", URL, f"{URL}/2"), chunk("D", URL)):
        reader.feed(piece)
        assert bool(begun) == bool(recorded)  # pages alone begin no answer: until then it may be asked for again
    reader.close()
    told = [data["text"] if kind == Kind.TEXT else len(data["sources"]) for kind, data in recorded]
    assert told == ["A", 1, "B", "C", 2, "D"]


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "http://", "//x", 7, None, {"url": ["x"]}])
def test_only_addresses_of_the_web_become_links(link):  # B58
    got, _ = read_now(f"data: {json.dumps({'choices': [], 'citations': [link]})}\n\n".encode())
    assert got.sources == []
