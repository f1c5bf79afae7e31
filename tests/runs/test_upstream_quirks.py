"""Servers that do several odd things at once, cut anywhere: what they meant is what is read."""

import gzip
import json
import zlib

import brotli
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.runs.reading import read_now

texts = st.text("ab <\n`é☃", min_size=1, max_size=12)
words = st.text("abcé", min_size=1, max_size=8)
COMPRESSIONS = {  # each with its name in the header
    "": ("", lambda body: body),
    "gzip": ("gzip", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "deflate": ("deflate", lambda body: zlib.compress(body, wbits=-15)),
    "br": ("br", brotli.compress),
    "member by member": (
        "gzip",
        lambda body: b"".join(gzip.compress(body[at : at + 50]) for at in range(0, len(body), 50)),
    ),
}
TEXT_FORMS = {
    "string": lambda text: text,
    "parts": lambda text: [{"type": "text", "text": text}],
    "part": lambda text: {"type": "output_text", "text": text},
    "two parts": lambda text: [
        {"type": "text", "text": text[:1]},
        {"text": text[1:]},
        {"type": "reference", "ids": [1]},
    ],
}
REASONING_FORMS = {
    "deepseek": lambda text: {"reasoning_content": text},
    "openrouter": lambda text: {"reasoning": text, "reasoning_details": [{"type": "reasoning.text", "text": text}]},
    "both": lambda text: {"reasoning": text, "reasoning_content": text},
    "minimax": lambda text: {"reasoning_details": [{"type": "reasoning.text", "text": text}]},
    "mistral": lambda text: {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]},
    "ollama": lambda text: {"thinking": text},
}
TAGS = ["think", "thinking", "thought", "THINK"]
NOISE = [
    ": a comment",
    ":",
    "data:",
    "data: ",
    'event: ping\ndata: {"type": "ping"}',
    "event: chunk",
    "id: 7\nretry: 3",
    "data: : a comment that was wrapped",
    'data: {"choices": []}',
    'data: {"choices": [{"index": 0, "content_filter_results": {}}]}',
    'data: {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": ""}]}',
    'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "null"}], "error": {"message": "", "code": null}}',
    'data: {"choices": [{"index": 0, "delta": {"content": null}, "logprobs": NaN, "finish_reason": null}]}',
]
COUNTS = {
    "openai": {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}},
    "anthropic": {"choices": [], "usage": {"input_tokens": 3, "output_tokens": 5}},
    "groq": {"choices": [], "x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 5}}},
    "llama.cpp": {"choices": [], "timings": {"prompt_n": 3, "predicted_n": 5}},
    "twice": {"choices": [{"delta": {"content": ""}}], "usage": {"prompt_tokens": 3, "completion_tokens": 5}},
}
ERRORS = {
    'data: {"error": {"message": "It broke", "code": 500}}': "upstream_failed",
    'data: {"error": "It broke"}': "upstream_failed",
    'data: {"object": "error", "message": "It broke", "code": 500}': "upstream_failed",
    'event: error\ndata: {"message": "It broke"}': "upstream_failed",
    "event: error\ndata: It broke": "upstream_failed",
    "event: error": "upstream_failed",
    'error: {"message": "It broke", "code": 500}': "upstream_failed",
    'data: {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}': "upstream_unavailable",
    'data: {"choices": [], "error": {"code": 429, "message": "Wait"}}': "upstream_rate_limited",
    'data: {"choices": [{"delta": {}, "finish_reason": "error"}]}': "upstream_failed",
    'data: {"choices": [{"delta": {}, "finish_reason": "network_error"}]}': "upstream_failed",
    'data: {"choices": null, "base_resp": {"status_code": 1008, "status_msg": "no"}}': "upstream_quota_exhausted",
    "data: {": "upstream_garbage",
}


class OddServer(RuleBasedStateMachine):
    """Writes one answer in any mixture of forms; at the end it is read in pieces, and compared with what it meant."""

    @initialize(newline=st.sampled_from(["\n", "\r\n", "\r"]), bom=st.booleans(), space=st.sampled_from(["", " "]))
    def begin(self, newline, bom, space):
        self.newline, self.space = newline, space
        self.body = "\ufeff" if bom else ""
        self.text = self.reasoning = self.error = ""
        self.calls: list[list[str]] = []
        self.has_counts = self.is_over = self.is_finished = False

    def send(self, raw: str) -> None:
        self.body += raw.replace("\n", self.newline) + self.newline * 2

    def chunk(self, delta: dict, finish: str | None = None) -> None:
        value = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        self.send(f"data:{self.space}{json.dumps(value, ensure_ascii=len(self.body) % 2 == 0)}")

    def open(self) -> bool:
        return not self.is_over and not self.is_finished

    @rule(text=texts, form=st.sampled_from([*TEXT_FORMS]))
    @precondition(open)
    def say(self, text, form):
        self.chunk({"content": TEXT_FORMS[form](text)})
        self.text += text

    @rule(number=st.integers(0, 99))
    @precondition(open)
    def say_a_number(self, number):
        self.chunk({"content": number})
        self.text += str(number)

    @rule(text=words)
    @precondition(open)
    def refuse(self, text):
        self.chunk({"refusal": text, "content": None})
        self.text += text

    @rule(text=words, form=st.sampled_from([*REASONING_FORMS]))
    @precondition(open)
    def think(self, text, form):
        self.chunk(REASONING_FORMS[form](text))
        self.reasoning += text

    @rule(text=words, tag=st.sampled_from(TAGS), at=st.integers(1, 20), after=words)
    @precondition(lambda self: self.open() and not self.text.strip())
    def think_in_tags(self, text, tag, at, after):
        whole = f"<{tag}>\n{text}\n</{tag}>\n\n{after}"
        self.chunk({"content": whole[:at]})
        self.chunk({"content": whole[at:]})
        self.reasoning += text
        self.text = after

    @rule(text=words, at=st.integers(1, 20), after=words)
    @precondition(lambda self: self.open() and not (self.reasoning or self.calls or self.text.strip()))
    def think_without_an_opening_tag(self, text, at, after):
        whole = f"{text}\n</think>\n\n{after}"
        self.chunk({"content": whole[:at]})
        self.chunk({"content": whole[at:]})
        self.reasoning, self.text = text, after

    @rule(name=st.sampled_from(["weather", "time"]), form=st.sampled_from(["index", "id", "object", "pieces", "zero"]))
    @precondition(open)
    def call(self, name, form):
        number, arguments = len(self.calls), {"city": "Rome"}
        function = {"name": name, "arguments": json.dumps(arguments)}
        key = {} if form == "index" else {"id": f"call_{number}"}
        index = {} if form == "id" else {"index": 0 if form == "zero" else number}
        if form == "object":
            function["arguments"] = arguments
        if form == "pieces":
            self.chunk({"tool_calls": [key | index | {"function": function | {"arguments": '{"city":'}}]})
            function["arguments"] = ' "Rome"}'  # the name comes again
        self.chunk({"tool_calls": [key | index | {"function": function}]})
        written = json.dumps(arguments, separators=(",", ":")) if form == "object" else json.dumps(arguments)
        self.calls.append([name, written])

    @rule(noise=st.sampled_from(NOISE))
    @precondition(open)
    def make_noise(self, noise):
        self.send(noise)

    @rule(form=st.sampled_from([*COUNTS]))
    @precondition(lambda self: not self.is_over)
    def count(self, form):
        self.send(f"data:{self.space}{json.dumps(COUNTS[form])}")
        self.has_counts = True

    @rule(reason=st.sampled_from(["stop", "length", "eos", "content_filter"]))
    @precondition(open)
    def finish(self, reason):
        self.chunk({}, reason)
        self.is_finished = True

    @rule(error=st.sampled_from([*ERRORS]))
    @precondition(open)
    def fail(self, error):
        self.send(error)
        self.error, self.is_over = ERRORS[error], True

    @rule()
    @precondition(lambda self: self.is_finished and not self.is_over)
    def mark_the_end(self):
        self.send(f"data:{self.space}[DONE]")
        self.is_over = True

    @rule(places=st.lists(st.integers(0, 10_000), max_size=30), compression=st.sampled_from([*COMPRESSIONS]))
    def read(self, places, compression):
        """May come before the end: then the connection is closed too early."""
        encoding, compress = COMPRESSIONS[compression]
        got, is_finished = read_now(compress(self.body.encode()), places, encoding)
        assert got.text.strip() == self.text.strip()
        assert got.reasoning.replace("\n", "").strip() == self.reasoning.strip()
        assert got.tools == [tuple(call) for call in self.calls]
        assert (got.error.code if got.error else "") == self.error
        if not self.error:
            assert bool(got.usage) == self.has_counts
            assert is_finished == self.is_finished


OddServer.TestCase.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)
test_odd_servers_are_read_as_they_meant_it = OddServer.TestCase


BODY = (
    b"".join(
        b"data: %b\n\n" % json.dumps({"choices": [{"delta": {"content": text}}]}).encode() for text in ("Hi ", "there.")
    )
    + b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
)
FRAMES = {
    "another case": lambda body: body.replace(b"data: ", b"Data : "),
    "a space before": lambda body: body.replace(b"data: ", b" data: "),
    "NULs before": lambda body: b"\0\0" + body,
    "a byte order mark in each": lambda body: body.replace(b"data: ", b"data: \xef\xbb\xbf"),
    "a byte order mark in the middle": lambda body: body[:-14] + b"\xef\xbb\xbf" + body[-14:],
    "commas after": lambda body: body.replace(b"}\n\n", b"},\n\n"),
    "line ends that are escaped": lambda body: body.replace(b"\n\n", b"\\n\\n"),
    "two in one": lambda body: body.replace(b"}\n\ndata: {", b"}{"),
    "bare JSON": lambda body: body.replace(b"}\n\ndata: {", b"}\n\n{"),
    "encoded twice": lambda body: b"".join(
        b"data: %b\n\n" % (json.dumps(line[6:].decode()).encode() if b"{" in line else line[6:])
        for line in body.split(b"\n\n")
        if line
    ),
    "another end": lambda body: body.replace(b"[DONE]", b"[done]"),
    "a quoted end": lambda body: body.replace(b"[DONE]", b'"[DONE]"'),
    "a bare end": lambda body: body.replace(b"data: [DONE]", b"[DONE]"),
    "signs of life": lambda body: b'data: ping\n\ndata: "keep-alive"\n\ndata: null\n\ndata: []\n\n' + body,
    "a tab in a string": lambda body: body.replace(b'"Hi ', b'"Hi\t'),
}  # fmt: skip


@pytest.mark.parametrize("frame", FRAMES)
def test_chunks_in_an_odd_frame_are_read(frame):  # B61
    body = FRAMES[frame](BODY)
    for places in ([], [3, 50], [*range(400)]):
        got, is_finished = read_now(body, places)
        assert (" ".join(got.text.split()), is_finished, got.error) == ("Hi there.", True, None)


def test_a_chunk_in_a_gateway_s_envelope_may_be_text():
    chunk = json.dumps({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]})
    got, is_finished = read_now(json.dumps({"statusCode": 200, "body": chunk}).encode())
    assert (got.text, is_finished) == ("Hi", True)


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        ("data: Too many requests, try later\n\n", "upstream_rate_limited"),
        ("data: Internal Server Error\n\n", "upstream_failed"),
        ('{"error": "an error was encountered while running the model"}\n', "upstream_failed"),
        ('{"error": {"message": "slow down", "code": 429}}', "upstream_rate_limited"),
        ('data: {"choices": [{"delta": {"content": ""}, "error": {"code": 502}}]}\n\n', "upstream_failed"),
    ],
)  # fmt: skip
def test_an_error_in_any_place_after_the_text_is_one(tail, code):  # B62
    got, _ = read_now(b'data: {"choices": [{"delta": {"content": "Hi"}}]}\n\n' + tail.encode())
    assert got.text == "Hi" and got.error is not None and got.error.code == code


@pytest.mark.parametrize(
    "last",
    [
        {"choices": [{"delta": {}, "finish_reason": ["length"]}]},
        {"choices": [{"delta": {}, "finishReason": "length"}]},
        {"choices": [{"delta": {}, "stop_reason": "length"}]},
        {"choices": [{"delta": {"finish_reason": "length"}}]},
        {"choices": [{"delta": {}}], "finish_reason": "length"},
        {"choices": [{"finish_details": {"type": "length"}}]},
    ],
)
def test_a_finish_reason_is_found_in_its_other_places(last):  # B62
    got, is_finished = read_now(
        b'data: {"choices": [{"delta": {"content": "Hi"}}]}\n\ndata: %b\n\n' % json.dumps(last).encode()
    )
    assert (got.text, got.finish, is_finished) == ("Hi", "length", True)  # fmt: skip


@pytest.mark.parametrize(
    "counts",
    [
        [{"prompt_tokens": 3, "completion_tokens": 5}, {"prompt_tokens": 0, "completion_tokens": 0}],
        [{"prompt_tokens": 3}, {"completion_tokens": 5}],
        [{"prompt_tokens": "n/a"}, {"prompt_tokens": 3, "completion_tokens": 5}],
    ],
)
def test_counts_come_bit_by_bit_and_take_nothing_from_an_answer(counts):
    chunks = [{"choices": [{"delta": {"content": "Hi"}}], "usage": each} for each in counts]
    body = b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks)
    for places in ([], [*range(400)]):
        got, _ = read_now(body, places)
        assert (got.text, got.error) == ("HiHi", None)
        assert got.usage == {"prompt_tokens": 3, "completion_tokens": 5}


@pytest.mark.parametrize("reasoning", [True, {"effort": "low"}, [{"signature": "x"}]])
def test_reasoning_that_cannot_be_read_costs_no_answer(reasoning):
    got, _ = read_now(
        b"data: %b\n\n" % json.dumps({"choices": [{"delta": {"reasoning": reasoning, "content": "Hi"}}]}).encode()
    )
    assert (got.text, got.error) == ("Hi", None)  # fmt: skip
