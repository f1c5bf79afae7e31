"""A database that does not answer for a while: upstreams have to wait, memory is bounded, nothing is lost."""

import asyncio
import contextlib
import json
import threading
from uuid import uuid4

import pytest
import uvloop
from django.db import connection, transaction

from runs.net.http1 import Client
from runs.upstream import chat_completions
from runs.upstream.request import UpstreamRequest
from runs.worker.recorder import Recorder
from streams.delivery import writer
from streams.delivery.writer import BatchWriter
from streams.events import Kind
from streams.log import store
from streams.log.database import open_batch_log

pytestmark = pytest.mark.each_database

UPSTREAMS, EVENTS, TEXT = 4, 3_000, "x" * 3_000  # 36 MB altogether, more than sockets and writer may hold


class Kept:
    def __init__(self):
        self.events = []

    def put(self, events):
        self.events += events


class Speaker:
    """An upstream that says `EVENTS` things as fast as it is read."""

    def __init__(self):
        self.spoken = 0

    async def serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0]))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for number in range(EVENTS):
                chunk = {"choices": [{"delta": {"content": f"{number} {TEXT} "}}]}
                writer.write(b"data: %b\n\n" % json.dumps(chunk).encode())
                await writer.drain()
                await asyncio.sleep(0)  # one piece, one event
                self.spoken += 1
            writer.write(b"data: [DONE]\n\n")
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def _blocked():
    """While this lasts nobody else can write to the table of events."""
    held, release = threading.Event(), threading.Event()
    holding = asyncio.create_task(asyncio.to_thread(_hold, held, release))
    assert await asyncio.to_thread(held.wait, 20)
    try:
        yield
    finally:
        release.set()
        await holding


def _hold(held: threading.Event, release: threading.Event) -> None:
    try:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("BEGIN IMMEDIATE")
            else:
                cursor.execute("BEGIN")
                cursor.execute("LOCK TABLE streams_event IN ACCESS EXCLUSIVE MODE")
            held.set()
            release.wait(60)
            cursor.execute("ROLLBACK")
    finally:
        connection.close()


async def _hear_all(client: Client) -> None:
    """Hear out another upstream, in the same loop."""
    sink, server = Everything(), await asyncio.start_server(Speaker().serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    await chat_completions.stream(client, UpstreamRequest(url, {}), 20, sink)
    server.close()
    assert sink.events == EVENTS


class Everything:
    """A sink that is never full."""

    events = 0

    def record(self, deltas):
        self.events += sum(delta.kind == Kind.TEXT for delta in deltas)

    def is_full(self):
        return False

    async def drain(self):
        """It is never full."""


def test_a_database_that_hangs_makes_upstreams_wait_and_loses_nothing(database, monkeypatch):  # B28
    monkeypatch.setattr(writer, "PENDING_BYTES", 2**20)
    streams, speaker, kept = [uuid4() for _ in range(UPSTREAMS)], Speaker(), Kept()

    async def scenario():
        batch_log, client = open_batch_log(), Client()
        writer = BatchWriter(batch_log, kept)
        running = asyncio.create_task(writer.run())
        server = await asyncio.start_server(speaker.serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

        async def carry(stream):
            recorder = Recorder(writer, stream, 0, lambda: pytest.fail("fenced"))
            await chat_completions.stream(client, UpstreamRequest(url, {}), 20, recorder)
            await recorder.close()

        async with _blocked():
            carried = [asyncio.create_task(carry(stream)) for stream in streams]
            while not writer.is_full and speaker.spoken < UPSTREAMS * EVENTS:
                await asyncio.sleep(0)
            await _hear_all(client)  # for as long as it would take them, too, to say all
            spoken = speaker.spoken
            await _hear_all(client)
            assert speaker.spoken == spoken, "the upstreams do not wait"
            state = writer.state()
            assert writer.is_full
            assert state.waiting_bytes < 2 * 2**20
            assert spoken < UPSTREAMS * EVENTS, "the upstreams could say everything"
            assert (kept.events, state.events) == ([], 0)
        await asyncio.gather(*carried)
        running.cancel()
        server.close()
        await batch_log.close()
        return writer.state()

    state = uvloop.run(scenario())
    for stream in streams:
        assert store.fold_stream(stream).text == "".join(f"{number} {TEXT} " for number in range(EVENTS))
    assert state.events == len(kept.events) == sum(len(list(store.read_all(stream))) for stream in streams)
    assert (state.waiting_events, state.waiting_bytes, state.fenced) == (0, 0, 0)
    assert state.last_commit_seconds > 0


def test_waiting_events_of_a_fenced_run_are_discarded(database):  # B12
    """Its seqs are free: what still waited when the first of it was refused would stand behind the end."""
    stream, other, fenced = uuid4(), uuid4(), []

    async def scenario():
        await asyncio.to_thread(_end, stream)
        batch_log = open_batch_log()
        writer = BatchWriter(batch_log, Kept())
        running = asyncio.create_task(writer.run())
        cursor = writer.open(stream, 0, lambda: fenced.append(stream))
        async with _blocked():
            writer.write(cursor, Kind.TEXT, b'{"text":"a"}')
            await asyncio.sleep(0)  # under way
            for n in range(100):
                writer.write(cursor, Kind.TEXT, b'{"text":"%d"}' % n)
            neighbour = writer.open(other, 0, lambda: pytest.fail("fenced"))
            writer.write(neighbour, Kind.TEXT, b'{"text":"b"}')
            assert writer.state().waiting_events == 102
        await writer.flush()
        writer.write(cursor, Kind.TEXT, b'{"text":"late"}')
        await writer.flush()
        running.cancel()
        await batch_log.close()
        return writer.state()

    state = uvloop.run(scenario())
    assert (fenced, state.fenced, state.waiting_events, state.waiting_bytes) == ([stream], 1, 0, 0)
    assert [event.kind for event in store.read(stream)] == [Kind.LOST]
    assert store.fold_stream(other).text == "b"


def _end(stream) -> None:
    with transaction.atomic():
        store.append(stream, (Kind.LOST, {"reason": "lease", "message": ""}))
    connection.close()
