"""The Responses API by WebSocket: requests, limits, errors and events as by HTTP; it all ends with its client."""

import json
from contextlib import ExitStack

import pytest
from knox.models import get_token_model
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from chatapp.accounts.models import Scope
from chatapp.accounts.tokens import make_token
from runs.models import Run
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken
from tests.openai.shapes import assert_event, assert_response

pytestmark = pytest.mark.one_database
LAST = {"response.completed", "response.incomplete", "response.failed", "response.cancelled", "error"}


class Socket:
    def __init__(self, connection):
        self.connection = connection

    def create(self, **body):
        self.connection.send(json.dumps({"type": "response.create", **body}))

    def event(self) -> dict:
        return json.loads(self.connection.recv(timeout=30))

    def events(self, lane: str | None = None) -> list[dict]:
        """Up to the last one of a response."""
        events = [self.event()]
        while events[-1]["type"] not in LAST:
            events.append(self.event())
        assert {event.get("stream_id") for event in events} == {lane}
        return events

    def response(self) -> dict:
        last = self.events()[-1]
        assert last["type"] == "response.completed", last
        return last["response"]

    def error(self) -> dict:
        event = self.event()
        assert event["type"] == "error", event
        return event


def text_of(response: dict) -> str:
    return "".join(part["text"] for item in response["output"] for part in item.get("content", []))


@pytest.fixture
def opened(stack):
    with ExitStack() as exits:

        def opened(person=None, at=stack, **headers) -> Socket:
            url = f"{at.url.replace('http', 'ws', 1)}/v1/responses"
            bearer = person.bearer if person else {}
            return Socket(exits.enter_context(connect(url, additional_headers=bearer | headers, compression=None)))

        yield opened


@pytest.mark.filterwarnings("ignore:connect.. must be used:DeprecationWarning")  # what the package does
def test_the_real_client_answers_turn_after_turn(stack, sdk):
    say, more = prompt(tokens=3), prompt(tokens=4)
    with sdk(stack.person("alice")).responses.connect() as connection:
        ids = []
        for text in (say, more):
            last = {"previous_response_id": ids[-1]} if ids else {}
            connection.response.create(model="scripted", input=text, store=False, **last)
            for event in connection:
                if event.type == "response.completed":
                    break
            ids.append(event.response.id)
        assert event.response.output_text == spoken(4)
    sent = stack.upstream.connections(more.tag)[0]["body"]["messages"]
    assert [message["content"] for message in sent] == [say, spoken(3), more]


def test_events_are_those_of_http(stack, opened):
    socket = opened(stack.person("alice"))
    socket.create(model="scripted", input=prompt(tokens=3))
    events = socket.events()
    assert [event["sequence_number"] for event in events] == list(range(1, len(events) + 1))
    for event in events:
        assert_event(event)
    assert_response(events[-1]["response"])
    check(Run.objects.get(pk=events[-1]["response"]["id"].removeprefix("resp_")))


def test_a_response_that_is_not_stored_goes_on_in_its_own_connection_only(stack, opened):
    alice = stack.person("alice")
    first, second = opened(alice), opened(alice)
    first.create(model="scripted", input=prompt(tokens=2), store=False)
    last = {"previous_response_id": first.response()["id"]}
    second.create(model="scripted", input="Hi", **last)
    assert second.error()["error"]["code"] == "previous_response_not_found"
    first.create(model="scripted", input=prompt(tokens=4), **last)
    assert text_of(first.response()) == spoken(4)


def test_a_response_of_another_user_is_not_continued(stack, opened):  # B55
    first, second = opened(stack.person("alice")), opened(stack.person("bob"))
    first.create(model="scripted", input=prompt(tokens=2))
    second.create(model="scripted", input="Hi", previous_response_id=first.response()["id"])
    error = second.error()
    assert (error["status"], error["error"]["code"]) == (400, "previous_response_not_found")


def test_an_error_has_its_status_and_the_connection_goes_on(stack, opened):
    socket = opened(stack.person("alice"))
    for body, status, code, param in (
        ({"model": "no-such", "input": "Hi"}, 404, "model_not_found", "model"),
        ({"input": 5}, 400, "missing_required_parameter", "input"),
        ({"input": "Hi", "background": True}, 400, "unsupported_parameter", "background"),
        ({"input": "Hi", "stream_id": 5}, 400, "invalid_value", "stream_id"),
        ({"input": "Hi", "type": "response.steer"}, 400, "malformed", "type"),
        ({"model": "scripted", "input": prompt(status=400, error="too cold")}, 400, "refused", None),
        ({"model": "scripted", "input": prompt(status=401, error="no")}, 502, "refused", None),
    ):
        socket.create(**body)
        error = socket.error()
        assert (error["status"], error["error"]["code"], error["error"]["param"]) == (status, code, param)
    socket.connection.send("{")
    assert socket.error()["error"]["code"] == "malformed"
    socket.create(model="scripted", input=prompt(tokens=2), stream=True)
    assert text_of(socket.response()) == spoken(2)


def test_a_client_that_leaves_stops_its_responses(stack, opened):  # B42
    socket, say = opened(stack.person("alice")), prompt(tokens=9, hold=[2])
    socket.create(model="scripted", input=say)
    stack.upstream.wait(say.tag, "stalled")
    socket.connection.close()
    assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"


def test_lanes_answer_side_by_side_and_a_lane_in_its_order(stack, opened):
    socket, held = opened(stack.person("alice")), prompt(tokens=3, hold=[1])
    socket.create(model="scripted", input=held, stream_id="a")
    stack.upstream.wait(held.tag, "stalled")
    socket.create(model="scripted", input=prompt(tokens=2), stream_id="a")
    socket.create(model="scripted", input=prompt(tokens=4), stream_id="b")
    events = []
    while not (events and events[-1].get("stream_id") == "b" and events[-1]["type"] in LAST):
        events.append(socket.event())
    assert text_of(events[-1]["response"]) == spoken(4)
    assert not any(event["type"] in LAST for event in events[:-1])
    stack.upstream.release(held.tag)
    assert [text_of(socket.events("a")[-1]["response"]) for _ in range(2)] == [spoken(3), spoken(2)]


def test_only_so_many_requests_wait(stack, opened):
    socket, held = opened(stack.person("alice")), prompt(tokens=3, hold=[1])
    socket.create(model="scripted", input=held)
    for _ in range(32):
        socket.create(model="scripted", input="Hi")
    while (event := socket.event())["type"] != "error":
        pass
    assert (event["status"], event["error"]["code"]) == (429, "too_many_requests")


def test_what_is_only_prepared_is_continued_and_stored_nowhere(stack, opened):
    alice, say = stack.person("alice"), prompt(tokens=3)
    socket = opened(alice)
    socket.create(model="scripted", input="Remember the wren.", generate=False, store=False)
    events = socket.events()
    for event in events:
        assert_event(event)
    assert [event["type"] for event in events] == ["response.created", "response.completed"]
    assert not Run.objects.filter(session__owner=alice.user).exists()
    socket.create(model="scripted", input=say, previous_response_id=events[-1]["response"]["id"])
    assert text_of(socket.response()) == spoken(3)
    sent = stack.upstream.connections(say.tag)[0]["body"]["messages"]
    assert [message["content"] for message in sent] == ["Remember the wren.", say]


def test_a_handshake_needs_a_token_that_may_write(stack, opened):  # B55
    alice = stack.person("alice")
    _, reading = make_token(alice.user, "reads", Scope.READ, 1)
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {reading}"}):
        with pytest.raises(InvalidStatus) as refused:
            opened(**headers)
        assert refused.value.response.status_code in (401, 403)
    with pytest.raises(InvalidStatus):
        opened(alice, Origin="https://evil.example.org")


@pytest.mark.long  # by HTTP: test_kills.py
def test_a_token_that_is_revoked_ends_the_connection_and_its_responses(make_stack, opened):  # B55
    stack = make_stack(STREAMS_HEARTBEAT_SECONDS="0.2")
    alice, say = stack.person("alice"), prompt(tokens=9, hold=[2])
    socket = opened(alice, stack)
    socket.create(model="scripted", input=say)
    stack.upstream.wait(say.tag, "stalled")
    get_token_model().objects.filter(user=alice.user).delete()
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            socket.event()
    assert closed.value.rcvd.code == 4401
    assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    wait_until(lambda: Run.objects.get(session__owner=alice.user).is_final, "its run has ended")
