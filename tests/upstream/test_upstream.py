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
        self.response = None

    def open(self):
        self.response = self.connection.getresponse()
        return self

    def lines(self):
        return [line.strip() for line in self.response if line.strip()]

    def chunks(self):
        return [json.loads(line[6:]) for line in self.lines() if line.startswith(b"data: {")]

    def text(self):
        choices = [chunk["choices"][0] for chunk in self.chunks() if chunk["choices"]]
        return "".join(choice["delta"].get("content", "") for choice in choices)

    def leave(self):
        if self.response:
            self.response.close()
        self.connection.close()


@pytest.fixture
def ask(upstream):
    """Begins to read an answer; all connections are closed in the end."""
    readers = []

    def begin(text, **body):
        readers.append(Reader(upstream, text, **body))
        return readers[-1]

    yield begin
    for reader in readers:
        reader.leave()


@pytest.mark.parametrize(
    "pace",
    [{}, {"rate": 500}, {"rate": 500, "per_write": 4}, {"split": 7}, {"split": 7, "rate": 500}, {"per_write": 3}],
)
def test_the_text_is_whole_whatever_the_pace(upstream, ask, pace):
    say = prompt(tokens=20, hold=[7], **pace)
    reader = ask(say).open()
    upstream.release(say.tag)
    assert reader.text() == spoken(20)


def test_characters_may_be_cut_between_two_writes(ask):
    reader = ask(prompt(text=["Grüße ", "🎉", "…"], split=3)).open()
    assert reader.text() == "Grüße 🎉…"


def test_usage_comes_only_if_asked_for(ask):
    assert not any("usage" in chunk for chunk in ask(prompt()).open().chunks())
    asked = ask(prompt(tokens=3), stream_options={"include_usage": True}).open().chunks()
    assert asked[-1]["usage"]["completion_tokens"] == 3


def test_reasoning_and_tool_calls_come_in_pieces(ask):
    say = prompt(tokens=1, reasoning=2, tools=[{"name": "add", "arguments": '{"a": 1, "b": 2}'}])
    deltas = [chunk["choices"][0]["delta"] for chunk in ask(say).open().chunks()]
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "r1 r2 "
    calls = [delta["tool_calls"][0]["function"] for delta in deltas if "tool_calls" in delta]
    assert calls[0]["name"] == "add"
    assert json.loads("".join(call["arguments"] for call in calls)) == {"a": 1, "b": 2}


def test_a_refusal_can_pass_after_some_tries(upstream, ask):
    say = prompt(status=429, times=2, retry_after="1", tokens=2)
    replies = [ask(say).open().response for _ in range(3)]
    assert [reply.status for reply in replies] == [429, 429, 200]
    assert replies[0].headers["Retry-After"] == "1"
    assert [c["ended"] for c in upstream.connections(say.tag)[:2]] == ["refused", "refused"]


def test_a_stalled_answer_notices_at_once_that_the_client_has_gone(upstream, ask):
    say = prompt(tokens=5, stall_after=2)
    reader = ask(say).open()
    assert upstream.wait(say.tag, "stalled")["tokens"] == 2
    reader.leave()
    assert upstream.wait(say.tag, "closed")["ended"] == "closed by client"


def test_a_reset_is_not_a_proper_end(upstream, ask):
    say = prompt(tokens=5, reset_after=2)
    reader = ask(say).open()
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        reader.response.read()
    assert upstream.wait(say.tag, "closed")["ended"] == "interrupted"


def test_an_answer_can_end_without_its_marker(ask):
    lines = ask(prompt(tokens=5, close_after=2)).open().lines()
    assert b"data: [DONE]" not in lines
    assert len(lines) == 3  # the opening and two tokens


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ({"garbage_after": 1}, b'data: {"choices": [{"delta":'),
        ({"error_after": 1, "error": "out of memory"}, b'"message":"out of memory"'),
        ({"body": "<html>Sorry</html>", "content_type": "text/html"}, b"<html>Sorry</html>"),
        ({"comment_after": 1}, b": still here"),
    ],
)
def test_it_can_lie(ask, script, seen):
    assert any(seen in line for line in ask(prompt(tokens=3, **script)).open().lines())


def test_a_registered_script_is_asked_for_by_model(upstream, ask):
    model = upstream.register(tokens=2)
    reader = ask("Hello", model=model).open()
    assert reader.text() == spoken(2)
    assert upstream.wait(model, "closed")["body"]["messages"][0]["content"] == "Hello"


def test_a_client_that_resets_is_seen_as_gone_while_the_headers_are_held(upstream, ask):
    say = prompt(hold_headers=True)
    reader = ask(say)
    upstream.wait(say.tag, "stalled")
    reader.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reader.connection.close()
    assert upstream.wait(say.tag, "closed")["ended"] == "closed by client"
