"""Whatever an upstream sends, a byte of it costs about the same, and its runs' neighbours get their turns (B68).

What would cost the square of its size is given in a size at which that takes minutes, and a few seconds of this
process's own time: no clock on the wall is looked at.
"""

import asyncio
import itertools
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import pytest
import uvloop

from runs.errors import UpstreamRejected, UpstreamTooLarge
from runs.net.connection import HEAD_BYTES, SLICE_BYTES, Connection
from runs.net.errors import ProtocolError
from runs.net.sse import MAX_EVENT_BYTES, MAX_EVENT_LINES, EventParser, EventTooLarge
from runs.upstream import chat_completions
from runs.upstream.reading.answer import AnswerReader
from runs.upstream.reading.chunks import parse
from runs.upstream.reading.tool_calls import MAX_TOOL_CALLS
from streams.events import Event, Kind, fold
from tests.runs.loopback import CHUNKED, END, HEAD, Server, Words, ask, chunks, event

pytestmark = pytest.mark.one_database

CPU_SECONDS = 8.0  # of this process: what is linear takes less than 1 here


@contextmanager
def bounded() -> Iterator[None]:
    def out_of_time(*_: object) -> None:
        raise AssertionError("this costs more than its size")

    before = signal.signal(signal.SIGPROF, out_of_time)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def chunk(**delta: object) -> bytes:
    return orjson.dumps({"choices": [{"index": 0, "delta": delta}]})


# -- lines and events ---------------------------------------------------------------------------------


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_a_line_in_tiny_pieces_is_not_looked_at_again_with_each_of_them(newline):
    size, line = 8, b"data: " + b"x" * (MAX_EVENT_BYTES - 100) + newline * 2
    parser, payloads = EventParser(), []
    with bounded():
        for at in range(0, len(line), size):
            payloads += parser.feed(line[at : at + size])
    assert payloads == [b"x" * (MAX_EVENT_BYTES - 100)]


@pytest.mark.parametrize("line", [b"data:\n", b"data:x\n", b"data:\r", b"data: \r\n"])
def test_an_event_has_a_limit_of_lines_and_they_are_not_counted_again_with_each_piece(line):
    parser = EventParser()
    with bounded():
        for _ in range(MAX_EVENT_LINES):
            assert parser.feed(line) == []
        with pytest.raises(EventTooLarge):
            parser.feed(line)


def test_the_lines_of_a_whole_event_may_be_as_many_as_its_limit():
    parser = EventParser()
    assert parser.feed(b"data:\n" * MAX_EVENT_LINES + b"\n") == [b"\n" * (MAX_EVENT_LINES - 1)]
    assert parser.feed(b"data: next\n\n") == [b"next"]


def test_what_an_event_holds_is_counted_over_its_lines_and_anew_for_the_next_one():
    parser, line = EventParser(), b"data:" + b"x" * 99_999 + b"\n"
    for _ in range(3):
        for _ in range(MAX_EVENT_BYTES // 100_000):
            parser.feed(line)
        assert parser.feed(b"\n") != []
    for _ in range(MAX_EVENT_BYTES // 100_000):
        parser.feed(line)
    with pytest.raises(EventTooLarge):
        parser.feed(line)


@pytest.mark.parametrize("noise", [b":\n", b"\n", b"\r", b"\r\n", b"id\n", b": a comment\r\n"])
def test_millions_of_lines_that_say_nothing_cost_no_more_than_their_bytes(noise):
    parser, piece = EventParser(), noise * (SLICE_BYTES // len(noise))
    with bounded():
        for _ in range(2**22 // SLICE_BYTES):
            assert parser.feed(piece) == []
    assert parser.feed(b"data: on\n\n") == [b"on"]


# -- chunks -------------------------------------------------------------------------------------------


def test_as_many_deltas_as_a_read_can_hold_are_joined_once():
    words = [b"w%d " % n * 30 for n in range(40_000)]
    with bounded():
        deltas, error = parse([b'{"choices":[{"delta":{"content":"%b"}}]}' % word for word in words])
    assert error is None and deltas == [(Kind.TEXT, {"text": b"".join(words).decode()})]


def test_the_pieces_of_a_call_in_a_read_are_one_delta_and_its_folded_arguments_are_joined_once():
    piece = "x" * 20
    payloads = [chunk(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": piece}}])]
    payloads += [chunk(tool_calls=[{"index": 0, "function": {"arguments": piece}}])] * 100
    payloads += [chunk(tool_calls=[{"index": 1, "id": "d", "function": {"name": "g"}}])]
    payloads += [chunk(tool_calls=[{"index": 1, "function": {"arguments": "y"}}])] * 2
    deltas, error = parse(payloads)
    assert error is None
    assert [delta.data for delta in deltas] == [
        {"index": 0, "id": "c", "name": "f", "arguments": piece * 101},
        {"index": 1, "id": "d", "name": "g", "arguments": "yy"},
    ]
    data = orjson.dumps({"index": 0, "arguments": piece})
    with bounded():
        folded = fold(Event(None, seq + 1, Kind.TOOL, data) for seq in range(200_000))
    assert folded.tools == [{"index": 0, "id": "", "name": "", "arguments": piece * 200_000}]


def test_counts_that_come_with_each_chunk_are_one_event_of_a_read():
    payloads = [orjson.dumps({"usage": {"prompt_tokens": 1, "completion_tokens": n}}) for n in range(50)]
    assert parse(payloads) == ([(Kind.USAGE, {"prompt_tokens": 1, "completion_tokens": 49})], None)


def test_there_is_a_limit_to_the_calls_of_an_answer():
    _, error = parse([chunk(tool_calls=[{}] * (MAX_TOOL_CALLS + 1))])
    assert isinstance(error, UpstreamTooLarge)
    sink = Words()
    answer = AnswerReader(sink)
    with pytest.raises(UpstreamTooLarge):
        for index in range(MAX_TOOL_CALLS + 1):
            answer.feed(b"data: %b\n\n" % chunk(content=".", tool_calls=[{"index": index}]))
    assert sink.text == "." * (MAX_TOOL_CALLS + 1)


HUGE = {
    "choices": b'{"choices":[%b{}]}' % (b'{"delta":{}},' * 300_000),
    "digits": b'{"usage":{"prompt_tokens":%b}}' % (b"9" * 4_000_000),
    "digits in a string": b'{"usage":{"prompt_tokens":"%b"}}' % (b"9" * 4_000_000),
    "an error": b'{"error":[%b{}]}' % (b"{}," * 1_000_000),
    "no object": b"[%b{}]" % (b"{}," * 1_000_000),
    "depth": b"[" * 4_000_000,
    "half surrogates": rb'{"choices":[{"delta":{"content":"%b"}}]}' % (rb"\ud800" * 600_000),
    "backslashes": rb'{"choices":[{"delta":{"content":"%b\ud800"}}]}' % (rb"\\" * 1_900_000),
    "broken bytes": b'{"choices":[{"delta":{"content":"%b"}}]}' % (b"\xff" * 4_000_000),
    "a reason of lists": b'{"choices":[{"delta":{},"finish_reason":[%b{}]}]}' % (b"{}," * 1_300_000),
    "arguments of lists": b'{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":[%b{}]}}]}}]}'
    % (b"{}," * 1_300_000),
    "text": b'{"choices":[{"delta":{"content":"%b"}}]}' % (b"\\u0000" * 600_000),
}


@pytest.mark.parametrize("kind", HUGE)
def test_the_largest_event_costs_no_more_than_its_bytes(kind):
    with bounded():
        parse([HUGE[kind]])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\ud83d\ude00\ude00", "\U0001f600\ufffd"),
        (r"\ud83dx\ude00", "\ufffdx\ufffd"),
        (r"\\ud83d \ud83d", "\\ud83d \ufffd"),
        (r"\\\ud83d\\\\ud83d", "\\\ufffd\\\\ud83d"),
        (r"\uD83D\"\uDe00", '\ufffd"\ufffd'),
    ],
)
def test_only_halves_of_surrogate_pairs_are_replaced(written, read):  # B58
    deltas, error = parse([b'{"choices":[{"delta":{"content":"%b\\ud800"}}]}' % written.encode()])
    assert error is None and "".join(delta.data["text"] for delta in deltas) == read + "\ufffd"


# -- connections --------------------------------------------------------------------------------------


class Flood:
    """An upstream in its own thread that sends as fast as the client reads."""

    def __init__(self, head: bytes, piece: bytes, times: int) -> None:
        self.head, self.piece, self.times = head, piece, times

    def __enter__(self) -> "Flood":
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1/chat/completions"
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()
        self.thread.join(30)
        assert not self.thread.is_alive()

    def _serve(self) -> None:
        connection, _ = self.listener.accept()
        with connection:
            connection.recv(65_536)
            try:
                connection.sendall(self.head)
                for _ in range(self.times):
                    connection.sendall(self.piece)
            except OSError:
                pass  # the client has enough


FLOODS = {
    "events": b"".join(chunks(event("x" * 50), [9_999])[:-5] for _ in range(50)),
    "chunks of one byte": chunks(event("x" * 50) * 50, [1])[:-5],
}


@pytest.mark.parametrize("kind", FLOODS)
def test_of_a_flood_only_a_slice_is_taken_in_a_turn_of_the_loop(kind):
    piece = FLOODS[kind]

    async def scenario() -> dict[int, int]:
        turn, taken, loop = itertools.count(), {}, asyncio.get_running_loop()
        now = next(turn)

        def tick() -> None:
            nonlocal now
            now = next(turn)
            loop.call_soon(tick)

        class Sink(Words):
            def record(self, deltas: list) -> None:
                super().record(deltas)
                taken[now] = taken.get(now, 0) + sum(len(delta.data["text"]) for delta in deltas)

        tick()
        with Flood(CHUNKED, piece, 2**22 // len(piece)) as upstream:
            with pytest.raises(chat_completions.UpstreamInterrupted):
                await ask(upstream.url, Sink())
        return taken

    taken = uvloop.run(scenario())
    assert sum(taken.values()) == 2**22 // len(piece) * 50 * 50
    assert max(taken.values()) <= SLICE_BYTES


def test_all_that_comes_over_a_connection_counts_for_the_limit_of_an_answer(monkeypatch):
    monkeypatch.setattr(chat_completions, "MAX_RESPONSE_BYTES", 2**20)
    extension = b"1;" + b"x" * 50 + b"\r\n:\r\n"
    for piece in (chunks(b":" * 9_999, [1])[:-5], extension * 100, b"0\r\n" + b"a: b\r\n" * 99):
        with Flood(CHUNKED, piece, 2**22 // len(piece)) as upstream:
            with pytest.raises((UpstreamTooLarge, chat_completions.UpstreamInterrupted)):
                uvloop.run(ask(upstream.url))


class Transport:
    """Stands in for a socket; the test calls the connection's `data_received` itself."""

    is_aborted = is_reading_paused = False

    def writelines(self, _: list[bytes]) -> None:
        """Pretend to send."""

    def pause_reading(self) -> None:
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        self.is_reading_paused = False

    def abort(self) -> None:
        self.is_aborted = True


@pytest.mark.parametrize("start", [b"0\r\nX-A: ", b"5;", b"0\r\n"])
def test_a_trailer_or_an_extension_without_an_end_is_no_answer(start):
    """httptools copies what it holds of a header with each piece: 34 ms for a byte, at 37 MB."""
    piece = b"a" * 4_000 if start != b"0\r\n" else b"a: b\r\n" * 600

    async def scenario() -> int:
        connection = Connection()
        connection.connection_made(Transport())
        asking = asyncio.create_task(connection.send_request([], 20, 2**26))
        await asyncio.sleep(0)
        connection.data_received(CHUNKED + chunks(b"x" * 200_000, [9_999])[:-5])
        await asking
        reading, sent = asyncio.create_task(connection.read_body(lambda _: False)), 0
        await asyncio.sleep(0)
        while connection._backlog:  # the body's, a slice in a turn
            await asyncio.sleep(0)
        connection.data_received(start)
        while not reading.done() and sent < 2**20:
            connection.data_received(piece)
            sent += len(piece)
            await asyncio.sleep(0)
        with pytest.raises(ProtocolError, match="framing"):
            await reading
        return sent

    assert asyncio.run(scenario()) <= HEAD_BYTES + 2 * SLICE_BYTES


def test_a_head_of_nothing_but_lines_ends_at_its_limit():
    with Flood(b"HTTP/1.1 200 OK\r\n", b"a:\r\n" * 60_000, 20) as upstream:
        with pytest.raises(chat_completions.UpstreamInterrupted, match="too large"):
            uvloop.run(ask(upstream.url))
    with Flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, 20) as upstream:
        with pytest.raises(chat_completions.UpstreamInterrupted, match="too large"):
            uvloop.run(ask(upstream.url))


def test_what_follows_a_response_is_no_part_of_it_nor_of_the_next_one():  # B65
    finish = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
    whole = CHUNKED + chunks(event("Hi") + finish, [50])
    doubled = whole + CHUNKED + chunks(event(" and more") + END, [50])

    async def scenario() -> None:
        client = chat_completions.Client()
        async with Server(doubled, then="stay") as server:
            assert [await ask(server.url, client=client) for _ in range(3)] == ["Hi"] * 3
            assert server.connections == 3, "a connection with something unasked on it is not used again"
            client.close()

    uvloop.run(scenario())


def test_a_kept_connection_on_which_something_comes_unasked_is_closed():  # B65
    async def scenario() -> None:
        connection, transport = Connection(), Transport()
        connection.connection_made(transport)
        connection.data_received(HEAD + b"Content-Length: 0\r\n\r\n")
        await connection.read_body(bool)
        assert connection.is_reusable
        connection.set_idle()
        connection.data_received(HEAD)
        assert transport.is_aborted and not connection.is_open

    asyncio.run(scenario())


def test_an_answer_whose_end_is_no_http_is_an_answer():  # B61
    async def scenario() -> str:
        async with Server(CHUNKED + chunks(event("Hi") + END, [50])[:-5] + b"noise\r\n") as server:
            return await ask(server.url)

    assert uvloop.run(scenario()) == "Hi"


def test_the_excerpt_of_a_refusal_in_tiny_pieces_is_its_beginning():
    async def scenario() -> None:
        refusal = CHUNKED.replace(b"200 OK", b"400 Bad Request") + chunks(b"0123456789" * 2_000, [1])
        async with Server(refusal) as server:
            with pytest.raises(UpstreamRejected, match="^HTTP 400: " + "0123456789" * 200 + "$"):
                await ask(server.url)

    uvloop.run(scenario())
    assert HEAD_BYTES >= SLICE_BYTES
