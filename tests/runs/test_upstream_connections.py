"""One request to a model server over real sockets: cut anywhere, too large, too slow, behind TLS and a proxy."""

import asyncio
import contextlib
import datetime
import gc
import ipaddress
import itertools
import json
import ssl

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.errors import (
    RunError,
    UpstreamGarbage,
    UpstreamInterrupted,
    UpstreamSilent,
    UpstreamTooLarge,
    UpstreamUnreachable,
)
from runs.prompts import UpstreamRequest
from runs.providers import openai
from runs.providers.http import HEAD_BYTES, Client
from runs.providers.sse import MAX_EVENT_BYTES
from streams.events import Kind

pytestmark = pytest.mark.one_database

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"data: [DONE]\n\n"


class Words:
    """A sink that keeps the text. It is full for as long as `doors` says so."""

    def __init__(self):
        self.text, self.open = "", asyncio.Event()
        self.open.set()
        self.waited = asyncio.Event()

    def record(self, deltas):
        self.text += "".join(delta.data["text"] for delta in deltas if delta.kind == Kind.TEXT)

    def is_full(self):
        return not self.open.is_set()

    async def room(self):
        self.waited.set()
        await self.open.wait()


class Server:
    """Answers each request with the pieces it is given; keeps the requests."""

    def __init__(self, *pieces: bytes, tls: ssl.SSLContext | None = None, then: str = "close"):
        self.pieces, self.tls, self.then = pieces, tls, then
        self.requests, self.connections, self.ended = [], 0, asyncio.Event()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/v1/chat/completions"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        await asyncio.wait_for(self.ended.wait(), 20) if self.connections else None

    async def serve(self, reader, writer):
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                self.requests.append(await _request(reader))
                for piece in self.pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                if self.then == "close":
                    break
                if self.then == "wait":
                    await reader.read()
                    break
        writer.transport.abort()
        self.ended.set()


async def _request(reader) -> tuple[str, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    return head[0], headers, await reader.readexactly(int(headers.get("Content-Length", 0)))


async def _ask(url: str, sink: Words | None = None, client: Client | None = None, idle: float = 20) -> str:
    sink, mine = sink or Words(), client or Client()
    try:
        await openai.stream(mine, UpstreamRequest(url, {"model": "m"}, "secret"), idle, sink)
    finally:
        if client is None:
            mine.close()
    return sink.text


def _outcome(*pieces: bytes, then: str = "close", idle: float = 20) -> str | RunError:
    """What the upstream's bytes amount to: the text, or the error."""

    async def scenario():
        async with Server(*pieces, then=then) as server:
            try:
                return await _ask(server.url, idle=idle)
            except RunError as error:
                return error

    return uvloop.run(scenario())


def _event(text: str, newline: str = "\n") -> bytes:
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}}]}, ensure_ascii=False)}{newline * 2}".encode()


def _chunks(body: bytes, sizes: list[int]) -> bytes:
    """`body` in HTTP's chunked encoding, cut at these sizes, over and over."""
    out, start, turn = b"", 0, 0
    while start < len(body):
        part = body[start : start + sizes[turn % len(sizes)]]
        out += b"%x\r\n%b\r\n" % (len(part), part)
        start, turn = start + len(part), turn + 1
    return out + b"0\r\n\r\n"


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
    body = b"".join(_event(word, newline) for word in said) + END
    assert _outcome(*_cut(CHUNKED + _chunks(body, sizes), cuts)) == "".join(said)


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=400), st.lists(st.integers(0, 400)))
def test_noise_instead_of_a_response_is_an_error(noise, cuts):  # B10
    assert isinstance(_outcome(*_cut(noise, cuts)), RunError)
    assert isinstance(_outcome(CHUNKED, *_cut(noise, cuts)), RunError)


def test_each_way_of_framing_a_body_is_understood():
    body = _event("Hi") + END
    sized = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    assert _outcome(sized) == _outcome(HEAD + b"\r\n" + body) == _outcome(CHUNKED + _chunks(body, [7])) == "Hi"
    assert _outcome(b"HTTP/1.1 100 Continue\r\n\r\n" + sized) == "Hi"


def _delta_and_finish() -> bytes:
    return _event("Hi") + b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'


def test_the_end_of_an_answer_is_its_marker_or_its_reason_never_the_connection():  # B10
    assert isinstance(_outcome(CHUNKED + _chunks(_event("Hi"), [99])), UpstreamInterrupted)
    assert isinstance(_outcome(HEAD + b"\r\n" + _event("Hi")), UpstreamInterrupted)
    assert _outcome(HEAD + b"\r\n" + _delta_and_finish()) == "Hi"
    assert _outcome(CHUNKED + b"%x\r\n%b" % (len(_delta_and_finish()), _delta_and_finish())) == "Hi"


@pytest.mark.parametrize(
    "response",
    [
        HEAD.replace(b"text/event-stream", b"text/html") + b"\r\n<p>",
        HEAD + b"Content-Encoding: gzip\r\n\r\n" + b"\x1f\x8b",
        HEAD + b"\r\ndata: {\n\n",
    ],
)
def test_what_is_no_event_stream_is_garbage(response):
    assert isinstance(_outcome(response), UpstreamGarbage)


def test_there_is_a_limit_to_a_head_an_event_and_an_answer(monkeypatch):
    head = b"HTTP/1.1 200 OK\r\n" + b"X-Filler: %b\r\n" % (b"x" * 1000) * (HEAD_BYTES // 1000 + 20)
    assert isinstance(_outcome(head, then="wait"), UpstreamInterrupted)
    assert isinstance(_outcome(HEAD + b"\r\ndata: ", b"x" * (MAX_EVENT_BYTES + 2**17), then="wait"), UpstreamTooLarge)
    monkeypatch.setattr(openai, "MAX_ANSWER_BYTES", 2**20)
    comments = b": nothing to say\n\n" * 2**16
    assert isinstance(_outcome(HEAD + b"\r\n", comments, then="wait"), UpstreamTooLarge)


def test_silence_before_the_head_or_in_the_middle_ends_the_wait():  # B9
    assert isinstance(_outcome(then="wait", idle=0.1), UpstreamSilent)
    assert isinstance(_outcome(HEAD + b"\r\n" + _event("Hi"), then="wait", idle=0.1), UpstreamSilent)


def test_a_sink_that_is_full_makes_the_upstream_wait_and_loses_nothing():  # B28
    async def scenario():
        said = [f"{n} " + "x" * 1000 for n in range(20_000)]  # 20 MB: more than the sockets' buffers hold
        sink = Words()
        sink.open.clear()
        bodies = [b"".join(map(_event, said[start : start + 200])) for start in range(0, len(said), 200)]
        async with Server(CHUNKED, *(_chunks(body, [50_000])[:-5] for body in bodies), _chunks(END, [99])) as server:
            asking = asyncio.create_task(_ask(server.url, sink, idle=1))
            await sink.waited.wait()
            held = 0
            while held != (held := len(sink.text)):  # what was under way when it was full
                await asyncio.sleep(0.5)
            assert held < 2**20
            assert not server.ended.is_set(), "the upstream has to wait; and our own pause is not its silence"
            sink.open.set()
            assert await asking == "".join(said)

    uvloop.run(scenario())


def test_a_cancelled_request_closes_its_connection():  # B35
    async def scenario():
        async with Server(CHUNKED, _chunks(_event("Hi"), [99])[:-5], then="wait") as server:
            sink = Words()
            asking = asyncio.create_task(_ask(server.url, sink))
            while not sink.text:
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
            await asyncio.wait_for(server.ended.wait(), 5)

    uvloop.run(scenario())


def test_a_connection_is_used_again_and_a_kept_one_that_was_closed_is_replaced():
    async def scenario():
        client, whole = Client(), CHUNKED + _chunks(_event("Hi") + END, [50])
        async with Server(whole, then="stay") as server:
            assert [await _ask(server.url, client=client) for _ in range(3)] == ["Hi"] * 3
            assert (server.connections, len(server.requests)) == (1, 3)
            client.close()
        async with Server(whole, then="close") as server:
            assert [await _ask(server.url, client=client) for _ in range(3)] == ["Hi"] * 3
            assert server.connections == 3
        client.close()

    uvloop.run(scenario())


def test_the_request_says_what_it_has_to():
    async def scenario():
        async with Server(HEAD + b"\r\n" + _event("Hi") + END) as server:
            await _ask(server.url.replace("v1/", "a b/ü/") + "?x=1&y=ä")
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
        uvloop.run(_ask(url))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """An own CA's file, and a server's TLS context signed by it."""
    directory = tmp_path_factory.mktemp("tls")
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    keys = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ours, theirs = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("own CA", "upstream"))

    def certificate(subject, key, is_ca: bool):
        draft = x509.CertificateBuilder().subject_name(subject).issuer_name(ours).public_key(key.public_key())
        draft = draft.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
        draft = draft.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        return draft.add_extension(names, critical=False).sign(keys[0], hashes.SHA256())

    pem = serialization.Encoding.PEM
    (directory / "ca.pem").write_bytes(certificate(ours, keys[0], True).public_bytes(pem))
    private = keys[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "server.pem").write_bytes(private + certificate(theirs, keys[1], False).public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")
    return str(directory / "ca.pem"), context


class Proxy:
    """An HTTP proxy that tunnels to wherever it is asked to."""

    def __init__(self, status: bytes = b"200 OK"):
        self.status, self.asked, self.tasks = status, [], []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        await asyncio.gather(*self.tasks)

    async def serve(self, reader, writer):
        self.tasks.append(asyncio.current_task())
        line, headers, body = await _request(reader)
        self.asked.append((line, headers))
        method, target, _ = line.split()
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 %b\r\n\r\n" % self.status)
            host, port = target.split(":")
        else:
            host, port = target.split("/")[2].split(":")
        if self.status.startswith(b"200"):
            there, onwards = await asyncio.open_connection(host, int(port))
            if method != "CONNECT":
                onwards.write(f"POST /relayed HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            await asyncio.gather(_pipe(reader, onwards), _pipe(there, writer))
        writer.close()


async def _pipe(reader, writer):
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(2**16):
            writer.write(data)
    writer.transport.abort()


@pytest.fixture
def environment(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


def test_tls_is_spoken_with_whom_a_known_authority_vouches_for(authority, environment):
    own, context = authority

    async def scenario():
        async with Server(CHUNKED + _chunks(_event("Hi") + END, [50]), tls=context) as server:
            with pytest.raises(UpstreamUnreachable, match="certificate verify failed"):
                await _ask(server.url)
            environment.setenv("SSL_CERT_FILE", own)
            assert await _ask(server.url) == "Hi"
            with pytest.raises(UpstreamUnreachable, match="match"):
                await _ask(server.url.replace("127.0.0.1", "localhost"))

    uvloop.run(scenario())


def test_a_tunnel_leads_through_the_proxy_that_the_environment_names(authority, environment):
    own, context = authority
    environment.setenv("SSL_CERT_FILE", own)

    async def scenario():
        async with Server(CHUNKED + _chunks(_event("Hi") + END, [50]), tls=context) as server, Proxy() as proxy:
            environment.setenv("HTTPS_PROXY", f"http://user:pass%20word@{proxy.address}")
            assert await _ask(server.url) == "Hi"
            line, headers = proxy.asked[0]
            assert line == f"CONNECT 127.0.0.1:{server.port} HTTP/1.1"
            assert headers["Proxy-Authorization"] == "Basic dXNlcjpwYXNzIHdvcmQ="
            assert "secret" not in str(proxy.asked)
            environment.setenv("NO_PROXY", "127.0.0.1")
            assert (await _ask(server.url), len(proxy.asked)) == ("Hi", 1)

    uvloop.run(scenario())


def test_a_proxy_that_refuses_makes_the_upstream_unreachable(authority, environment):
    async def scenario():
        async with Proxy(b"403 Forbidden") as proxy:
            environment.setenv("HTTPS_PROXY", f"http://{proxy.address}")
            with pytest.raises(UpstreamUnreachable, match="403"):
                await _ask("https://upstream.invalid/v1")

    uvloop.run(scenario())


def test_without_tls_the_proxy_is_told_the_whole_address(environment):
    async def scenario():
        async with Server(CHUNKED + _chunks(_event("Hi") + END, [50])) as server, Proxy() as proxy:
            environment.setenv("HTTP_PROXY", f"http://{proxy.address}")
            assert await _ask(server.url) == "Hi"
            assert proxy.asked[0][0] == f"POST {server.url} HTTP/1.1"

    uvloop.run(scenario())


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_left_open():
    yield
    gc.collect()  # what was not closed warns, and warnings are errors
