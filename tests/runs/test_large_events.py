"""Large events are parsed in a thread, one at a time, while the loop goes on (B68)."""

import asyncio
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvloop

from runs.errors import RunError, UpstreamGarbage, UpstreamInterrupted, UpstreamTooLarge
from runs.net.connection import SLICE_BYTES, Connection
from runs.net.errors import ProtocolError
from runs.net.http1 import Client
from runs.net.loop_budget import ITERATION_BYTES, loop_budget
from runs.upstream.reading.chunks import PIECE_CHARACTERS, ChunkParser
from tests.runs.loopback import CHUNKED, END, HEAD, Server, Words, ask, chunks, event
from tests.runs.test_bounded_work import HUGE, Transport, chunk

pytestmark = pytest.mark.one_database


@contextmanager
def threads_that_work(monkeypatch) -> Iterator[list[int]]:
    """How many large events are being parsed, recorded at each start."""
    at_work, starts, parse_large = set(), [], ChunkParser.parse_large

    def counted(parser: ChunkParser, payloads: list[bytes]) -> tuple:
        assert threading.get_native_id() != main
        at_work.add(id(payloads))
        starts.append(len(at_work))
        try:
            return parse_large(parser, payloads)
        finally:
            at_work.remove(id(payloads))

    main = threading.get_native_id()
    monkeypatch.setattr(ChunkParser, "parse_large", counted)
    yield starts


class Held:
    """An upstream that sends all but the end of one large event on each connection, and the ends together."""

    def __init__(self, large: bytes, connections: int) -> None:
        self.large, self.connections = large, connections
        self.waiting, self.released = 0, asyncio.Event()

    async def __aenter__(self) -> "Held":
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/v1/chat/completions"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + b"\r\ndata: " + self.large)
        await writer.drain()
        self.waiting += 1
        if self.waiting == self.connections:
            self.released.set()
        await self.released.wait()
        writer.write(b"\n\n" + event("after") + END)
        await writer.drain()
        writer.close()


@pytest.mark.parametrize("kind", ["backslashes", "plain"])
def test_large_events_that_end_at_once_are_parsed_one_at_a_time_and_the_loop_turns_between_them(kind, monkeypatch):
    """Parsing one event on each of 16 connections blocked the loop for 8 s, and cost the worker its lease."""
    text = rb"\\" * 900_000 + rb"\ud800" if kind == "backslashes" else b"a" * 1_900_000
    read = "\\" * 900_000 + "\ufffd" if kind == "backslashes" else "a" * 1_900_000
    turns, seen, pieces = itertools.count(), [], []

    class Sink(Words):
        def record(self, deltas: list) -> None:
            super().record(deltas)
            pieces.append((next(turns), max(len(delta.data.get("text", "")) for delta in deltas)))

    async def lease(starts: list[int]) -> None:
        while True:
            seen.append(len(starts))
            next(turns)
            await asyncio.sleep(0)

    async def scenario(starts: list[int]) -> list[str]:
        async with Held(b'{"choices":[{"delta":{"content":"%b"}}]}' % text, 16) as upstream:
            renewing = asyncio.create_task(lease(starts))
            answers = await asyncio.gather(*(ask(upstream.url, Sink()) for _ in range(16)))
            renewing.cancel()
        return answers

    with threads_that_work(monkeypatch) as starts:
        assert uvloop.run(scenario(starts)) == [read + "after"] * 16
    assert starts == [1] * 16, "one at a time"
    assert {*range(17)} <= {*seen}, "the lease had a turn between any two of them"
    assert max(size for _, size in pieces) <= PIECE_CHARACTERS


def test_who_is_stopped_while_a_large_event_is_parsed_ends_at_once_and_the_next_one_has_its_turn(monkeypatch):  # B68
    begun, may_go_on, starts = threading.Event(), threading.Event(), []

    def slow(number: int) -> int:
        starts.append(number)
        begun.set()
        may_go_on.wait(20)
        return number

    async def scenario() -> None:
        budget = loop_budget()
        first, second, third = (asyncio.create_task(budget.run_in_thread(slow, number)) for number in range(3))
        await asyncio.to_thread(begun.wait, 20)
        for stopped in (first, second):
            stopped.cancel()
            await asyncio.wait([stopped])
            assert stopped.cancelled() and not may_go_on.is_set()
        for _ in range(20):
            await asyncio.sleep(0)
        assert starts == [0], "the third waits for the thread of the first"
        may_go_on.set()
        assert await third == 2
        with pytest.raises(ZeroDivisionError):
            await budget.run_in_thread(lambda: 1 // 0)
        assert await budget.run_in_thread(slow, 4) == 4
        assert starts == [0, 2, 4]

    uvloop.run(scenario())


@pytest.mark.parametrize("end", ["data: [DONE]\n\n", "", "data: {\n\n"])
@pytest.mark.parametrize("then", ["close", "stay"])
def test_what_follows_a_large_event_in_the_same_piece_comes_after_it(end, then):  # B10
    large = event("a" * 4_000_000)[:-2]
    body = chunks(large, [60_000])[:-5] + chunks(b"\n\n" + event("b") + event("c" * 70_000) + end.encode(), [99_999])

    async def scenario() -> tuple[str, Exception | None]:
        sink, client = Words(), Client()
        async with Server(CHUNKED + body, then=then) as server:
            try:
                await ask(server.url, sink, client)
            except RunError as error:
                return sink.text, error
            finally:
                client.close()
        return sink.text, None

    text, error = uvloop.run(scenario())
    assert text == "a" * 4_000_000 + "b" + "c" * 70_000
    expected = {"": UpstreamInterrupted, "data: {\n\n": UpstreamGarbage}
    assert type(error) is expected.get(end, type(None))


def test_a_connection_that_ends_before_a_large_event_is_parsed_does_not_take_it_along():  # B10
    async def scenario() -> list[str]:
        connection, done = Connection(), []
        connection.connection_made(Transport())
        asking = asyncio.create_task(connection.send_request([], 20, 2**26))
        await asyncio.sleep(0)
        connection.data_received(HEAD + b"\r\n")
        await asking

        async def parsed() -> bool:
            done.append("parsed")
            return False

        reading = asyncio.create_task(connection.read_body(lambda _: parsed))
        await asyncio.sleep(0)
        connection.data_received(b"x")
        connection.connection_lost(OSError("reset"))
        with pytest.raises(ProtocolError, match="reset"):
            await reading
        return done

    assert asyncio.run(scenario()) == ["parsed"]


def test_a_large_event_may_have_any_text_but_not_any_number_of_values():
    text = '[{,"\\' * 300_000
    deltas, error = ChunkParser().parse_large([chunk(content=text)])
    assert error is None and "".join(delta.data["text"] for delta in deltas) == text
    for kind in ("choices", "an error", "no object", "a reason of lists", "arguments of lists"):
        assert isinstance(ChunkParser().parse_large([HUGE[kind]])[1], UpstreamTooLarge)
    names = b"{%b}" % b",".join(b'"%d":0' % n for n in range(200_000))
    assert isinstance(ChunkParser().parse_large([names])[1], UpstreamTooLarge)


def test_the_connections_of_a_loop_share_what_is_taken_in_a_turn_of_it():
    """Fifty floods, each within its slice, took a quarter of a second in one iteration."""
    piece = event("x" * 50) * 100
    assert len(piece) < SLICE_BYTES

    async def scenario() -> tuple[list[int], list[int]]:
        taken, connections, readings = [0], [], []
        for _ in range(50):
            connection = Connection()
            connection.connection_made(Transport())
            asking = asyncio.create_task(connection.send_request([], 20, 2**26))
            await asyncio.sleep(0)
            connection.data_received(HEAD + b"\r\n")
            await asking

            def feed(data: bytes) -> bool:
                taken[-1] += len(data)
                return False

            readings.append(asyncio.create_task(connection.read_body(feed)))
            connections.append(connection)
        await asyncio.sleep(0)
        for connection in connections:
            connection.data_received(piece)
        while any(connection._backlog for connection in connections):
            taken.append(0)
            await asyncio.sleep(0)
        for connection in connections:
            connection.connection_lost(None)
        await asyncio.gather(*readings, return_exceptions=True)
        return taken, [connection.transport.is_reading_paused for connection in connections]

    taken, paused = uvloop.run(scenario())
    assert sum(taken) == 50 * len(piece) and not any(paused)
    assert max(taken) <= ITERATION_BYTES + SLICE_BYTES
