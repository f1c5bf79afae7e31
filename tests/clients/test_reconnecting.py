"""Clients of server-sent events that come back by themselves, on a network that cuts every connection (B23, B27)."""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from httpx_sse import ServerSentEvent, connect_sse
from httpx_sse._decoders import SSEDecoder

from streams.delivery.hub import EncodedEvent
from streams.transports.sse import HEARTBEAT, frame
from tests.harness.check import check, logged
from tests.harness.cutting import CuttingProxy
from tests.harness.facts import wait_until
from tests.harness.node import Node
from tests.harness.upstream import prompt

pytestmark = pytest.mark.one_database

CLOSED = 2
WORDS = [f"{n} {'x' * 150} " for n in range(30)]  # some 8,000 bytes, as events
HISTORY = "".join(WORDS[: len(WORDS) // 2])
BYTES = (1_500, 3_000)  # that a connection lives for: headers and some events, and half of one


@pytest.fixture
def network(stack):
    with closing(CuttingProxy(stack.url, seed=7)) as proxy:
        proxy.arm(other=BYTES)
        yield proxy


@pytest.fixture
def run(stack):
    """A run whose first half is history and whose second half comes live."""
    asked = prompt(text=WORDS, hold=[len(WORDS) // 2], rate=50)
    alice = stack.person("alice")
    run = alice.send(asked)
    run.asked, run.alice = asked, alice
    alice.follow(run).wait_for_text(HISTORY)
    return run


def address(network, run) -> str:
    return f"{network.url}/api/v1/runs/{run.pk}/events"


def text_of(heard: list) -> str:
    return "".join(json.loads(data)["data"].get("text", "") for _, data in heard)


def assert_heard_once_in_order(run, heard: list[tuple[str, str]], network) -> None:
    run = check(run)
    assert [int(seq) for seq, _ in heard] == [event.seq for event in logged(run)]
    assert text_of(heard) == "".join(WORDS)
    assert network.cuts["other"] >= 2, "the network has cut nothing"


def test_eventsource_of_npm_hears_every_event_once_and_ends(upstream, run, network):
    with closing(Node(Path(__file__).with_name("event_sources.mjs"), PATH=os.environ["PATH"])) as node:
        node.ask(do="open", name="it", url=address(network, run), token=run.alice.token)
        wait_until(lambda: text_of(node.ask(do="state", name="it")["events"]) == HISTORY, "it hears the history")
        upstream.release(run.asked.tag)
        # Told that there is nothing more (204), it should not come back.
        wait_until(lambda: node.ask(do="state", name="it")["readyState"] == CLOSED, "it has closed")
        state = node.ask(do="state", name="it")
    assert_heard_once_in_order(run, state["events"], network)
    assert state["errors"][-1] == [CLOSED, 204]


def test_httpx_sse_hears_every_event_once_and_ends(upstream, run, network):
    heard = []
    for event in events(address(network, run), run.alice.bearer):
        heard.append((event.id, event.data))
        if text_of(heard) == HISTORY:
            upstream.release(run.asked.tag)
    assert_heard_once_in_order(run, heard, network)


def test_a_heartbeat_is_no_event():
    """httpx-sse handed on an event without data for each of them, and programs broke that took it for JSON."""
    stream = frame(EncodedEvent(1, False, b"{}")) + HEARTBEAT + frame(EncodedEvent(2, False, b"{}")) + HEARTBEAT
    decoder = SSEDecoder()
    events = [event for line in stream.decode().splitlines() if (event := decoder.decode(line))]
    assert [(event.id, event.data) for event in events] == [("1", "{}"), ("2", "{}")]


def events(url: str, headers: dict[str, str]) -> Iterator[ServerSentEvent]:
    """All events of a stream, however often the connection breaks: what a program writes that uses httpx-sse."""
    last = ""
    with httpx.Client(headers=headers, timeout=20) as client:
        while True:
            try:
                with connect_sse(client, "GET", url, headers={"Last-Event-ID": last}) as source:
                    if source.response.status_code == httpx.codes.NO_CONTENT:
                        return
                    for event in source.iter_sse():
                        last = event.id
                        yield event
            except httpx.TransportError:
                continue
