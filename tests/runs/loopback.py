"""A model server on loopback that sends exactly the given bytes, and a client for it."""

import asyncio
import contextlib
import json
import ssl

from runs.net.http1 import Client
from runs.upstream import chat_completions
from runs.upstream.request import UpstreamRequest
from streams.events import Kind

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"data: [DONE]\n\n"


class Words:
    """A sink that keeps the text. It is full while `open` is not set."""

    def __init__(self):
        self.words, self.open = [], asyncio.Event()
        self.open.set()
        self.waited = asyncio.Event()

    def record(self, deltas):
        self.words += [delta.data["text"] for delta in deltas if delta.kind == Kind.TEXT]

    @property
    def text(self) -> str:
        return "".join(self.words)

    def is_full(self):
        return not self.open.is_set()

    async def drain(self):
        self.waited.set()
        await self.open.wait()


class Server:
    """Answers each request with the given pieces, and keeps the requests."""

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
        writer.transport.set_write_buffer_limits(high=0)  # else the last pieces may wait there, and `abort` drops them
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                self.requests.append(await read_request(reader))
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


async def read_request(reader) -> tuple[str, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    return head[0], headers, await reader.readexactly(int(headers.get("Content-Length", 0)))


async def ask(url: str, sink: Words | None = None, client: Client | None = None, idle: float = 20) -> str:
    sink, mine = sink or Words(), client or Client()
    try:
        await chat_completions.stream(mine, UpstreamRequest(url, {"model": "m"}, "secret"), idle, sink)
    finally:
        if client is None:
            mine.close()
    return sink.text


def event(text: str, newline: str = "\n") -> bytes:
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}}]}, ensure_ascii=False)}{newline * 2}".encode()


def chunks(body: bytes, sizes: list[int]) -> bytes:
    """`body` in HTTP's chunked encoding, split at these sizes in rotation."""
    out, start, turn = b"", 0, 0
    while start < len(body):
        part = body[start : start + sizes[turn % len(sizes)]]
        out += b"%x\r\n%b\r\n" % (len(part), part)
        start, turn = start + len(part), turn + 1
    return out + b"0\r\n\r\n"
