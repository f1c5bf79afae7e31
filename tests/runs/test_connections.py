"""One request to a model server over real sockets: cut anywhere, too large, too slow, behind TLS and a proxy."""

import asyncio
import contextlib
import gc
import gzip
import itertools
import json
import os
import select
import socket
import zlib

import brotli
import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.errors import (
    RunError,
    UpstreamContextTooLong,
    UpstreamDropped,
    UpstreamGarbage,
    UpstreamInterrupted,
    UpstreamSilent,
    UpstreamTooLarge,
    UpstreamUnreachable,
)
from runs.net.connection import HEAD_BYTES, Connection
from runs.net.http1 import Client
from runs.net.sse import MAX_EVENT_BYTES
from runs.upstream import chat_completions
from tests.runs.loopback import CHUNKED, END, HEAD, Server, Words, ask, chunks, event, read_request

pytestmark = pytest.mark.one_database


def _outcome(*pieces: bytes, then: str = "close", idle: float = 20) -> str | RunError:
    """The outcome of the upstream's bytes: the text, or the error."""

    async def scenario():
        async with Server(*pieces, then=then) as server:
            try:
                return await ask(server.url, idle=idle)
            except RunError as error:
                return error

    return uvloop.run(scenario())


def _cut(whole: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(whole), *(cut % (len(whole) + 1) for cut in cuts)})
    return [whole[a:b] for a, b in itertools.pairwise(places)]


words = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), min_size=1)


@settings(deadline=None, max_examples=40)
@given(
    words,
    st.lists(st.integers(1, 40), min_size=1),
    st.lists(st.integers(0, 9999)),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_however_response_and_chunks_are_cut_the_text_is_the_same(said, sizes, cuts, newline):
    body = b"".join(event(word, newline) for word in said) + END
    whole = "".join(said)
    wanted = whole if whole.strip() else ""  # white space alone is no answer
    assert _outcome(*_cut(CHUNKED + chunks(body, sizes), cuts)) == wanted


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=400), st.lists(st.integers(0, 400)))
def test_noise_instead_of_a_response_is_an_error(noise, cuts):  # B10
    assert isinstance(_outcome(*_cut(noise, cuts)), RunError)
    assert isinstance(_outcome(CHUNKED, *_cut(noise, cuts)), RunError)


def test_each_way_of_framing_a_body_is_understood():
    body = event("Hi") + END
    sized = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    assert _outcome(sized) == _outcome(HEAD + b"\r\n" + body) == _outcome(CHUNKED + chunks(body, [7])) == "Hi"
    assert _outcome(b"HTTP/1.1 100 Continue\r\n\r\n" + sized) == "Hi"


def _delta_and_finish() -> bytes:
    return event("Hi") + b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'


def test_the_end_of_an_answer_is_its_marker_or_its_reason_never_the_connection():  # B10
    assert isinstance(_outcome(CHUNKED + chunks(event("Hi"), [99])), UpstreamInterrupted)
    assert isinstance(_outcome(HEAD + b"\r\n" + event("Hi")), UpstreamInterrupted)
    assert _outcome(HEAD + b"\r\n" + _delta_and_finish()) == "Hi"
    assert _outcome(CHUNKED + b"%x\r\n%b" % (len(_delta_and_finish()), _delta_and_finish())) == "Hi"


@pytest.mark.parametrize(
    "response",
    [
        HEAD.replace(b"text/event-stream", b"text/html") + b"\r\n<p>",
        HEAD + b"Content-Encoding: zstd\r\n\r\n" + b"\x28\xb5",
        HEAD + b"\r\ndata: {\n\n",
    ],
)
def test_what_is_no_event_stream_is_garbage(response):
    assert isinstance(_outcome(response), UpstreamGarbage)


def test_there_is_a_limit_to_a_head_an_event_and_an_answer(monkeypatch):
    head = b"HTTP/1.1 200 OK\r\n" + b"X-Filler: %b\r\n" % (b"x" * 1000) * (HEAD_BYTES // 1000 + 20)
    assert isinstance(_outcome(head, then="wait"), UpstreamInterrupted)
    assert isinstance(_outcome(HEAD + b"\r\ndata: ", b"x" * (MAX_EVENT_BYTES + 2**17), then="wait"), UpstreamTooLarge)
    monkeypatch.setattr(chat_completions, "MAX_RESPONSE_BYTES", 2**20)
    comments = b": nothing to say\n\n" * 2**16
    assert isinstance(_outcome(HEAD + b"\r\n", comments, then="wait"), UpstreamTooLarge)


def test_silence_before_the_head_or_in_the_middle_ends_the_wait():  # B9
    assert isinstance(_outcome(then="wait", idle=0.1), UpstreamSilent)
    assert isinstance(_outcome(HEAD + b"\r\n" + event("Hi"), then="wait", idle=0.1), UpstreamSilent)


def test_a_sink_that_is_full_makes_the_upstream_wait_and_loses_nothing():  # B28
    idle = 0.5  # s

    async def scenario():
        said = [f"{n} " + "x" * 1000 for n in range(20_000)]  # 20 MB: more than the sockets' buffers hold
        sink = Words()
        sink.open.clear()
        bodies = [b"".join(map(event, said[start : start + 200])) for start in range(0, len(said), 200)]
        async with Server(CHUNKED, *(chunks(body, [50_000])[:-5] for body in bodies), chunks(END, [99])) as server:
            asking = asyncio.create_task(ask(server.url, sink, idle=idle))
            await sink.waited.wait()
            begin = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() < begin + 1.2 * idle:  # longer than an upstream may be silent
                async with Server(*server.pieces) as other:  # in the same loop: as long as it takes to be told all
                    assert await ask(other.url) == "".join(said)
            assert len(sink.text) < 2**20
            assert not server.ended.is_set(), "the upstream has to wait; and our own pause is not its silence"
            sink.open.set()
            assert await asking == "".join(said)

    uvloop.run(scenario())


def test_a_cancelled_request_closes_its_connection():  # B35
    async def scenario():
        async with Server(CHUNKED, chunks(event("Hi"), [99])[:-5], then="wait") as server:
            sink = Words()
            asking = asyncio.create_task(ask(server.url, sink))
            while not sink.text:
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
            await asyncio.wait_for(server.ended.wait(), 5)

    uvloop.run(scenario())


def test_a_connection_is_used_again_and_a_kept_one_that_was_closed_is_replaced():
    async def scenario():
        client, whole = Client(), CHUNKED + chunks(event("Hi") + END, [50])
        async with Server(whole, then="stay") as server:
            assert [await ask(server.url, client=client) for _ in range(3)] == ["Hi"] * 3
            assert (server.connections, len(server.requests)) == (1, 3)
            client.close()
        async with Server(whole, then="close") as server:
            for _ in range(3):
                assert await ask(server.url, client=client) == "Hi"
                while any(connection.is_open for idle in client._idle.values() for connection in idle):
                    await asyncio.sleep(0)
            assert server.connections == 3
        client.close()

    uvloop.run(scenario())


@pytest.mark.parametrize("then", ["nothing", "half a head"])
def test_a_request_that_was_taken_over_a_kept_connection_is_not_sent_again_by_itself(then):  # B65
    """The server received the second request and closed: the request was sent again, though it had been received."""

    async def scenario() -> None:
        client, whole = Client(), CHUNKED + chunks(event("Hi") + END, [50])

        class Server2(Server):
            async def serve(self, reader, writer):
                self.connections += 1
                with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError):
                    self.requests.append(await read_request(reader))
                    writer.write(whole)
                    self.requests.append(await read_request(reader))
                    if then == "half a head":
                        writer.write(CHUNKED[:40])
                        await writer.drain()
                self.ended.set()

        async with Server2() as server, asyncio.timeout(20):
            assert await ask(server.url, client=client) == "Hi"
            expected = UpstreamDropped if then == "nothing" else UpstreamInterrupted
            with pytest.raises(expected):
                await ask(server.url, client=client)
            assert (server.connections, len(server.requests)) == (1, 2)
            assert not any(client._idle.values())
        client.close()

    uvloop.run(scenario())


def test_a_connection_that_was_closed_before_the_request_is_noticed_and_another_one_is_used():  # B65
    """Even if the loop has not read the end of it yet: nothing is awaited between its arrival and the request."""

    async def scenario() -> None:
        client, whole = Client(), CHUNKED + chunks(event("Hi") + END, [50])
        closing: list[asyncio.StreamWriter] = []

        class Leaving(Server):
            async def serve(self, reader, writer):
                closing.append(writer)
                await super().serve(reader, writer)

        async with Leaving(whole, then="stay") as server:
            assert await ask(server.url, client=client) == "Hi"
            ours = [
                connection.transport.get_extra_info("socket") for idle in client._idle.values() for connection in idle
            ]
            theirs = closing[0].transport.get_extra_info("socket")
            with socket.socket(fileno=os.dup(theirs.fileno())) as held:
                held.shutdown(socket.SHUT_WR)
            assert select.select(ours, [], [], 10)[0], "the end is there, and the loop had no turn to read it"
            assert await ask(server.url, client=client) == "Hi"
            assert (server.connections, len(server.requests)) == (2, 2)
            client.close()

    uvloop.run(scenario())


@pytest.mark.parametrize(("header", "seconds"), [("", 4), ("timeout=5, a=9", 4), ("timeout=99", 30), ("Timeout=1", 0)])
def test_an_idle_connection_is_closed_before_its_server_would_close_it(header, seconds):
    async def scenario() -> float:
        connection = Connection()
        connection.headers["keep-alive"] = header
        return connection.keepalive_seconds

    assert asyncio.run(scenario()) == seconds


def test_the_request_says_what_it_has_to():
    async def scenario():
        async with Server(HEAD + b"\r\n" + event("Hi") + END) as server:
            await ask(server.url.replace("v1/", "a b/ü/") + "?x=1&y=ä")
            line, headers, body = server.requests[0]
            assert line == "POST /a%20b/%C3%BC/chat/completions?x=1&y=%C3%A4 HTTP/1.1"
            assert headers["Host"] == f"127.0.0.1:{server.port}"
            assert headers["Authorization"] == "Bearer secret"
            assert json.loads(body) == {"model": "m"}

    uvloop.run(scenario())


@pytest.mark.parametrize(
    "url", ["", "ftp://x/", "http://", "http://h:99999/", "http://127.0.0.1:1/", "http://no.invalid/"]
)
def test_an_address_that_leads_nowhere_is_unreachable(url):  # B47
    with pytest.raises(UpstreamUnreachable):
        uvloop.run(ask(url))


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_left_open():
    yield
    gc.collect()  # what was not closed warns, and warnings are errors


@pytest.mark.parametrize(
    ("encoding", "compress"), [(b"gzip", gzip.compress), (b"gzip", zlib.compress), (b"br", brotli.compress)]
)
def test_the_error_in_a_compressed_body_is_read(encoding, compress):  # B66
    body = compress(b'{"error": {"message": "prompt is too long: 5000 tokens > 4096 maximum"}}')
    head = b"HTTP/1.1 400 Bad Request\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (encoding, len(body))
    error = _outcome(head + body)
    assert isinstance(error, UpstreamContextTooLong) and error.context_limit == 4096


@pytest.mark.parametrize("encoding", [b"", b"none", b"UTF-8", b"identity, utf-8"])
def test_what_is_no_compression_is_passed_over(encoding):  # B61
    body = b'data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    assert _outcome(HEAD + b"Content-Encoding: " + encoding + b"\r\n\r\n" + body) == "Hi"
