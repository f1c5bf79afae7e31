"""Every message that a stack sends is valid by the protocol's schema."""

import json

import pytest

from runs.session_feed import stream_of
from runs.states import Status
from streams.events import Control, Kind
from streams.log.compaction import compact
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.followers import Follower, SocketFollower
from tests.harness.upstream import prompt
from tests.streams.schema import judge

pytestmark = pytest.mark.one_database

SOURCES = ["https://example.org/wren"]
TOOLS = [{"id": "call-1", "name": "weather", "arguments": '{"city": "Bern"}'}]


@pytest.fixture
def heard(monkeypatch):
    """All messages that followers receive: (whether over the WebSocket, text)."""
    messages, keep = [], Follower._keep

    def keep_and_note(self, text):
        messages.append((isinstance(self, SocketFollower), text))
        return keep(self, text)

    monkeypatch.setattr(Follower, "_keep", keep_and_note)
    return messages


@pytest.mark.one_database
def test_all_that_is_sent_fits_the_schema_and_every_kind_is_met(make_stack, heard):  # B25
    stack = make_stack(
        worker_options=("-c", "1"), STREAMS_HEARTBEAT_SECONDS="0.5", LEASE_SECONDS="2", LEASE_RENEW_SECONDS="0.5"
    )
    alice, bob = stack.person("alice"), stack.person("bob")
    summary = alice.follow_ws(stream_of(alice.user.pk))

    everything = alice.send(prompt(tokens=4, reasoning=2, tools=TOOLS, sources=SOURCES, status=503, times=1))
    everything = check(everything, alice.follow(everything), alice.follow_ws(everything))
    failed = alice.send(prompt(tokens=9, close_after=2))
    check(failed, alice.follow(failed))
    say = prompt(tokens=9, hold=[2])
    stopped = alice.send(say)
    follower = alice.follow_ws(stopped).wait_for_text("w2")
    alice.stop(stopped)
    check(stopped, follower)

    bob.follow_ws(everything).wait(lambda f: f.envelopes, "a refusal")
    alice.follow_ws(everything, after=99_999).wait_for_final()
    list(compact(everything.pk))
    for follow in (alice.follow, alice.follow_ws):
        follow(everything).wait_for_final()

    # The worker is full, another answer waits for it; then it dies
    lost = alice.send(prompt(tokens=9, stall_after=2))
    follower = alice.follow_ws(lost).wait_for_text("w2")
    alice.send(prompt(tokens=2))
    summary.wait(lambda f: any(e.kind == Control.PLACES_CHANGED for e in f.envelopes), "how many are ahead")
    stack.worker.kill()
    wait_until(lambda: alice.api("GET", f"/runs/{lost.pk}").json()["status"] == Status.LOST, "somebody looks")
    follower.wait_for_final()
    summary.wait(lambda f: any(e.kind == Control.HEARTBEAT for e in f.envelopes), "a heartbeat")

    said = [(judge("from_server" if is_socket else "envelope"), json.loads(text)) for is_socket, text in heard]
    assert [value for judges, value in said if not judges.is_valid(value)] == []
    envelopes = [envelope for _, value in said for envelope in (value if isinstance(value, list) else [value])]
    assert {envelope["kind"] for envelope in envelopes} == {*Kind, *Control}
