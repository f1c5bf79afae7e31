"""The scripted upstream does what it is told, and notices who leaves."""

import http.client
import json
import socket
import struct
from urllib.parse import urlsplit

import pytest

from tests.harness.upstream import prompt, spoken


class Reader:
    """A client that reads one answer, line by line."""

    def __init__(self, upstream, text, **body):
        parts = urlsplit(upstream.url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": text}], **body}
        self.connection.request("POST", "/v1/chat/completions", json.dumps(body))

    def open(self):
        self.response = self.connection.getresponse()
        return self

    def lines(self):
        return [line.strip() for line in self.response if line.strip()]

    def chunks(self):
        return [json.loads(line[6:]) for line in self.lines() if line.startswith(b"data: {")]

    def close(self):
        self.connection.sock.close() if self.connection.sock else self.response.close()


def text_of(chunks):
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk.get("choices"))


@pytest.mark.parametrize(
    "pace",
    [{}, {"rate": 500}, {"rate": 500, "per_write": 4}, {"split": 7}, {"split": 7, "rate": 500}, {"per_write": 3}],
)
def test_the_text_is_whole_whatever_the_pace(upstream, pace):
    reader = Reader(upstream, prompt(tokens=20, hold=[7], **pace, tag=(tag := f"pace-{pace}"))).open()
    upstream.release(tag.replace(" ", "%20"))
    assert text_of(reader.chunks()) == spoken(20)


def test_characters_may_be_cut_between_two_writes(upstream):
    reader = Reader(upstream, prompt(text=["Grüße ", "🎉", "…"], split=3)).open()
    assert text_of(reader.chunks()) == "Grüße 🎉…"


def test_usage_comes_only_if_asked_for(upstream):
    assert not any("usage" in chunk for chunk in Reader(upstream, prompt()).open().chunks())
    asked = Reader(upstream, prompt(tokens=3), stream_options={"include_usage": True}).open().chunks()
    assert asked[-1]["usage"]["completion_tokens"] == 3


def test_reasoning_and_tool_calls_come_in_pieces(upstream):
    say = prompt(tokens=1, reasoning=2, tools=[{"name": "add", "arguments": '{"a": 1, "b": 2}'}])
    deltas = [chunk["choices"][0]["delta"] for chunk in Reader(upstream, say).open().chunks()]
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "r1 r2 "
    calls = [delta["tool_calls"][0]["function"] for delta in deltas if "tool_calls" in delta]
    assert calls[0]["name"] == "add"
    assert json.loads("".join(call["arguments"] for call in calls)) == {"a": 1, "b": 2}


def test_a_refusal_can_pass_after_some_tries(upstream):
    say = prompt(status=429, times=2, retry_after="1", tokens=2)
    replies = [Reader(upstream, say).open().response for _ in range(3)]
    assert [reply.status for reply in replies] == [429, 429, 200]
    assert replies[0].headers["Retry-After"] == "1"
    assert [c["ended"] for c in upstream.connections(say.tag)[:2]] == ["refused", "refused"]


def test_a_stalled_answer_notices_at_once_that_the_client_has_gone(upstream):
    say = prompt(tokens=5, stall_after=2)
    reader = Reader(upstream, say).open()
    assert upstream.wait(say.tag, "stalled")["tokens"] == 2
    reader.response.close()
    reader.connection.close()
    assert upstream.wait(say.tag, "closed")["ended"] == "closed by client"


def test_a_reset_is_not_a_proper_end(upstream):
    say = prompt(tokens=5, reset_after=2)
    reader = Reader(upstream, say).open()
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        reader.response.read()
    assert upstream.wait(say.tag, "closed")["ended"] == "interrupted"


def test_an_answer_can_end_without_its_marker(upstream):
    lines = Reader(upstream, prompt(tokens=5, close_after=2)).open().lines()
    assert b"data: [DONE]" not in lines
    assert len(lines) == 3  # the opening and two tokens


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ({"garbage_after": 1}, b'data: {"choices": [{"delta": '),
        ({"error_after": 1, "error": "out of memory"}, b'"message":"out of memory"'),
        ({"body": "<html>Sorry</html>", "content_type": "text/html"}, b"<html>Sorry</html>"),
        ({"comment_after": 1}, b": still here"),
    ],
)
def test_it_can_lie(upstream, script, seen):
    assert any(seen in line for line in Reader(upstream, prompt(tokens=3, **script)).open().lines())


def test_a_registered_script_is_asked_for_by_model(upstream):
    model = upstream.register(tokens=2)
    reader = Reader(upstream, "Hello", model=model).open()
    assert text_of(reader.chunks()) == spoken(2)
    assert upstream.wait(model, "closed")["body"]["messages"][0]["content"] == "Hello"


def test_a_client_that_resets_is_seen_as_gone_while_the_headers_are_held(upstream):
    say = prompt(hold_headers=True)
    reader = Reader(upstream, say)
    upstream.wait(say.tag, "stalled")
    reader.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reader.connection.close()
    assert upstream.wait(say.tag, "closed")["ended"] == "closed by client"
