"""One request that sends a message and gets the answer: as a stream, or when it is complete."""

import json
import socket
from urllib.parse import urlsplit

import pytest

from runs.models import Run
from runs.states import Status
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.one_database


def events_of(body: bytes) -> list[dict]:
    lines = body.decode().splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def test_a_message_is_sent_and_its_answer_streamed_by_one_request(stack):  # B23 B27
    alice = stack.person("alice")
    session = alice.new_session()
    sent = {"text": prompt(tokens=5)}
    reply = alice.api(
        "POST", f"/sessions/{session}/messages?stream", sent, **{"Idempotency-Key": "k", "Accept": "text/event-stream"}
    )
    assert (reply.status, reply.headers["content-type"]) == (200, "text/event-stream")
    events = events_of(reply.body)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["kind"] == "run.completed"
    run = check(Run.objects.get(session=session))
    assert reply.headers["location"] == f"/api/v1/runs/{run.pk}"
    # It should be the stream that is resumed elsewhere, and the same one if the request is repeated.
    rest = alice.api("GET", f"/runs/{run.pk}/events?after=3")
    assert events_of(rest.body) == events[3:]
    again = alice.api("POST", f"/sessions/{session}/messages?stream=true", sent, **{"Idempotency-Key": "k"})
    assert events_of(again.body) == events
    assert Run.objects.filter(session=session).count() == 1


def test_an_answer_is_waited_for(stack):
    alice = stack.person("alice")
    reply = alice.api("POST", "/messages?wait=20", {"text": prompt(tokens=3), "session": {"title": "Birds"}})
    run = reply.json()["run"]
    assert (reply.status, run["status"], run["text"]) == (200, "completed", spoken(3))
    assert reply.headers["content-type"] == "application/json"
    assert alice.api("GET", f"/sessions/{run['session']}").json()["title"] == "Birds"


def test_an_answer_that_takes_longer_is_sent_as_it_is_and_goes_on(stack):  # B7
    alice, say = stack.person("alice"), prompt(tokens=6, hold=[2])
    run = alice.api("POST", "/messages?wait=1", {"text": say}).json()["run"]
    assert run["status"] in ("queued", "running")
    stack.upstream.release(say.tag)
    assert check(Run.objects.get(pk=run["id"])).message.content == spoken(6)


@pytest.mark.parametrize("how", ["stream", "wait=20"])
def test_a_client_that_goes_takes_nothing_with_it(stack, how):  # B7
    alice, say = stack.person("alice"), prompt(tokens=6, hold=[3])
    url = urlsplit(stack.url)
    body = json.dumps({"text": say}).encode()
    head = f"POST /api/v1/messages?{how} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {alice.token}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((url.hostname, url.port), timeout=20) as connection:
        connection.sendall(head.encode() + body)
        assert connection.recv(15).startswith(b"HTTP/1.1 200")
        stack.upstream.wait(say.tag, "tokens:3")
    run = wait_until(lambda: Run.objects.filter(session__owner=alice.user).first(), "the run exists")
    stack.upstream.release(say.tag)
    assert (check(run).status, check(run).message.content) == (Status.COMPLETED, spoken(6))


def test_tools_of_one_message_are_called_and_their_results_sent_back(stack):
    alice = stack.person("alice")
    calls = [{"id": "call_w", "name": "weather", "arguments": '{"city": "Bern"}'}]
    say = prompt(tokens=0, tools=calls, finish="tool_calls", then={"text": ["It is cold."]})
    parameters = {"tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]}
    first = alice.api("POST", "/messages?wait=20", {"text": say, "parameters": parameters}).json()["run"]
    [call] = first["tools"]
    assert (call["id"], call["name"]) == ("call_w", "weather")
    results = {"text": "", "tool_results": [{"id": call["id"], "content": "cold"}], "parameters": parameters}
    last = alice.api("POST", f"/sessions/{first['session']}/messages?wait=20", results).json()["run"]
    assert last["text"] == "It is cold."
