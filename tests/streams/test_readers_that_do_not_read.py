"""Clients that follow and then stop reading: they cost the web process a window each, and find everything later."""

import asyncio
import json
import re
import socket
from urllib.parse import urlsplit

import psutil
import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.conf import settings

from streams.delivery import fanout
from streams.events import Event, Kind
from streams.log import store

pytestmark = pytest.mark.one_database

READERS = 10  # of each kind
EVENTS, TEXT = 600, "x" * 20_000  # 12 MB for each reader
WINDOW_BYTES = 3_000_000  # a reader's queue, a page, what the server buffers, and fragments; the same with 36 MB


class RawConnection:
    """A raw connection that reads only when it is told to."""

    def __init__(self, url: str, request: str):
        parts = urlsplit(url)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(20)
        self.socket.connect((parts.hostname, parts.port))
        self.socket.sendall(request.encode())
        self.received, self.last = bytearray(), 0

    def read_until(self, text: bytes) -> None:
        while text not in self.received[-self.last - len(text) :]:
            piece = self.socket.recv(2**20) or pytest.fail(f"closed after {self.received[-200:]}")
            self.received += piece
            self.last = len(piece)

    def wake_up(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)


def _request(path: str, headers: dict[str, str]) -> str:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""])


def _sse(alice, run) -> RawConnection:
    return RawConnection(alice.url, _request(f"/api/v1/runs/{run.pk}/events", alice.bearer))


def _page_sse(alice, run) -> RawConnection:
    return RawConnection(alice.url, _request(f"/streams?follow={run.pk}:0", alice.cookie_header))


def _websocket(alice, run) -> RawConnection:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers = {**upgrade, "Sec-WebSocket-Key": "A" * 22 + "==", "Origin": alice.url, **alice.cookie_header}
    request = _request("/ws/streams", headers).replace("127.0.0.1", urlsplit(alice.url).netloc, 1)
    opened = RawConnection(alice.url, request)
    opened.read_until(b"\r\n\r\n")
    message = json.dumps({"follow": str(run.pk)}).encode()
    opened.socket.sendall(b"\x81" + bytes([0x80 | len(message)]) + bytes(4) + message)  # a frame masked with zeros
    return opened


def _log_and_announce(stack, run) -> list[Event]:
    """Log and announce what a worker would."""
    events = []

    async def announce(batches):
        layer = RedisPubSubChannelLayer(hosts=[stack.redis_url], prefix=settings.CHANNEL_PREFIX)
        for batch in batches:
            for shard, message in fanout.group_messages(batch).items():
                await layer.group_send(fanout.group_of(shard), message)
            await asyncio.sleep(0.01)  # as a worker's ticks come, not all at once
        await layer.flush()

    for start in range(0, EVENTS, 20):
        events.append(store.append(run.pk, *((Kind.TEXT, {"text": f"{start + n} {TEXT}"}) for n in range(20))))
    asyncio.run(announce(events))
    return [event for batch in events for event in batch]


@pytest.mark.parametrize("server", ["daphne", pytest.param("uvicorn", marks=pytest.mark.long)])
def test_readers_that_do_not_read_cost_a_window_each(make_stack, server):  # B28
    stack = make_stack(start=("valkey", "web"), server=server)
    alice = stack.person("alice")
    run = alice.send("Hello")
    attentive = alice.follow(run).wait_for_seq(1)
    readers = [follow(alice, run) for follow in (_sse, _page_sse) for _ in range(READERS // 2)]
    sockets = [_websocket(alice, run) for _ in range(READERS)]
    for reader in (*readers, *sockets):
        reader.read_until(b"run.queued")
    process = psutil.Process(stack.web.pid)
    before = process.memory_info().rss

    last = _log_and_announce(stack, run)[-1].seq
    attentive.wait_for_seq(last)
    grown = process.memory_info().rss - before
    assert grown < 2 * READERS * WINDOW_BYTES, f"{grown / 2**20:.0f} MB for {2 * READERS} readers"

    # It should all be there for those who go on reading.
    for reader in (readers[0], readers[-1]):
        reader.wake_up()
        reader.read_until(b'"seq":%d,' % last)
        seqs = [int(seq) for seq in re.findall(rb'"seq":([1-9]\d*),', reader.received)]  # 0: the greeting
        assert seqs == list(range(1, last + 1))
    for reader in (*readers, *sockets):
        reader.socket.close()
