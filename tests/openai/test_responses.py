"""Responses with the real client: broken off, resumed, stopped, gone on from, deleted; and what is nobody else's."""

import http.client
import json
import secrets
from contextlib import closing
from urllib.parse import urlsplit

import openai
import pytest

from chatapp.openai.models import Exchange
from runs.maintenance import retention
from runs.models import Model, Run
from runs.states import Status, StopReason
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken
from tests.openai.shapes import assert_event, assert_items, assert_response

TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}, "strict": False}
CALLS = [{"id": "call_a", "name": "weather", "arguments": '{"city": "Bern"}'}]


def plain(value) -> dict:
    """What was received, before the client made objects of it."""
    return value.model_dump(mode="json", exclude_unset=True, by_alias=True)


def all_of(stream) -> list[dict]:
    with stream:
        events = [plain(event) for event in stream]
    for event in events:
        assert_event(event)
    return events


def run_of(response_id: str) -> Run:
    return Run.objects.get(pk=response_id.removeprefix("resp_"))


def begin(client, text, **values):
    """A stream in the background, and its first event."""
    stream = client.responses.create(model="scripted", input=text, background=True, stream=True, **values)
    first = next(iter(stream))
    assert (first.type, first.sequence_number) == ("response.created", 1)
    return stream, first.response.id


def compact(settings) -> None:
    """As a task does it, some minutes after the end."""
    settings.COMPACT_SECONDS = -1
    retention.compact_due(retention.TimeBudget(60))


@pytest.mark.parametrize("after", [1, 3, 7, 12])
def test_a_stream_that_is_broken_off_is_resumed_without_a_gap(stack, sdk, after):  # B7 B23
    client, say = sdk(stack.person("alice")), prompt(reasoning=2, tokens=6, hold=[4])
    stream, response_id = begin(client, say)
    heard = [plain(event) for event in [next(stream) for _ in range(after - 1)]]  # the first one has been read
    stream.close()
    resumed = client.responses.retrieve(response_id, stream=True, starting_after=after)
    stack.upstream.wait(say.tag, "stalled")
    stack.upstream.release(say.tag)
    rest = all_of(resumed)
    whole = all_of(client.responses.retrieve(response_id, stream=True, starting_after=0))
    assert heard + rest == whole[1:]
    assert [event["sequence_number"] for event in whole] == list(range(1, len(whole) + 1))
    assert whole[-1]["type"] == "response.completed"
    # It should be what the object tells, too.
    response = client.responses.retrieve(response_id)
    assert_response(plain(response))
    assert plain(response) == whole[-1]["response"]
    assert (response.output_text, response.status) == (spoken(6), "completed")
    assert [item.type for item in response.output] == ["reasoning", "message"]
    check(run_of(response_id))


def test_the_same_is_told_when_the_log_has_been_compacted(stack, sdk, settings):
    client, say = sdk(stack.person("alice")), prompt(reasoning=3, tokens=7, tools=CALLS, finish="tool_calls")
    stream, response_id = begin(client, say, tools=[TOOL])
    rest = all_of(stream)
    check(run_of(response_id))
    for settings.RETENTION_DAYS in (0, 1e-9):  # a snapshot is left; then the final event only
        compact(settings)
        retention.prune_due(retention.TimeBudget(60))
        assert all_of(client.responses.retrieve(response_id, stream=True))[1:] == rest
        late = client.responses.retrieve(response_id, stream=True, starting_after=8)
        assert all_of(late) == [event for event in rest if event["sequence_number"] > 8]
        assert plain(client.responses.retrieve(response_id)) == rest[-1]["response"]
    assert run_of(response_id).log_kept == "pruned"


@pytest.mark.one_database
def test_the_client_s_own_stream_puts_the_response_together(stack, sdk):
    client = sdk(stack.person("alice"))
    say = prompt(reasoning=1, tokens=3, tools=CALLS, finish="tool_calls")
    with client.responses.stream(model="scripted", input=say, tools=[TOOL], instructions="Be brief.") as stream:
        for _ in stream:
            pass
        response = stream.get_final_response()
    assert [item.type for item in response.output] == ["reasoning", "function_call", "message"]
    assert (response.output_text, response.usage.output_tokens) == (spoken(3), 3)
    assert (response.instructions, response.tools[0].name) == ("Be brief.", "weather")
    messages = stack.upstream.connections(say.tag)[0]["body"]["messages"]
    assert [message["role"] for message in messages] == ["system", "user"]
    check(run_of(response.id))


def test_a_response_goes_on_from_another_and_answers_its_calls(stack, sdk):
    client, say = sdk(stack.person("alice")), prompt(tokens=0, tools=CALLS, finish="tool_calls")
    first = client.responses.create(
        model="scripted", input=[{"role": "user", "content": [{"type": "input_text", "text": say}]}], tools=[TOOL],
        max_output_tokens=50, temperature=0.3, metadata={"trip": "7"},
    )  # fmt: skip
    assert_response(plain(first))
    call = first.output[0]
    assert (call.type, call.call_id, call.name) == ("function_call", "call_a", "weather")
    assert (first.metadata, first.temperature) == ({"trip": "7"}, 0.3)
    again = prompt(tokens=2)
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "cold"}
    second = client.responses.create(
        model="scripted",
        input=[output, {"role": "user", "content": again}],
        previous_response_id=first.id,
        tools=[TOOL],
    )
    assert (second.output_text, second.previous_response_id) == (spoken(2), first.id)
    body = stack.upstream.connections(again.tag)[0]["body"]
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "tool", "user"]
    assert body["messages"][1]["tool_calls"][0]["id"] == body["messages"][2]["tool_call_id"] == "call_a"
    assert stack.upstream.connections(say.tag)[0]["body"]["max_tokens"] == 50
    # Its own input is listed, page by page, in both orders.
    items = client.responses.input_items.list(second.id, order="asc", limit=1)
    assert_items(plain(items))
    assert items.has_more and [item.type for item in items] == ["function_call_output", "message"]
    assert [item.type for item in client.responses.input_items.list(second.id)] == ["message", "function_call_output"]
    # When the first one is deleted, what builds on it is not answered without it.
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(model="scripted", input="And?", previous_response_id=second.id)
    assert raised.value.code == "previous_response_not_found"


@pytest.mark.one_database
def test_items_are_referred_to_by_their_ids(stack, sdk):
    """As the AI SDK does it with every request after the first."""
    client, bob = sdk(stack.person("alice")), sdk(stack.person("bob"))
    first = client.responses.create(
        model="scripted", input=prompt(tokens=2, reasoning=1, tools=CALLS, finish="tool_calls"), tools=[TOOL]
    )
    references = [{"type": "item_reference", "id": item.id} for item in first.output]
    assert len(references) == 3
    again = prompt(tokens=2)
    output = {"type": "function_call_output", "call_id": "call_a", "output": "cold"}
    asked = {"model": "scripted", "input": [*references, output, {"role": "user", "content": again}]}
    assert client.responses.create(**asked).output_text == spoken(2)
    messages = stack.upstream.connections(again.tag)[0]["body"]["messages"]
    assert [message["role"] for message in messages] == ["assistant", "assistant", "tool", "user"]
    assert messages[0]["tool_calls"][0]["id"] == "call_a"
    with pytest.raises(openai.NotFoundError) as raised:
        bob.responses.create(**asked)
    assert (raised.value.code, raised.value.param) == ("item_not_found", "input[0].id")


def test_cancel_is_stop_and_may_be_asked_for_twice(stack, sdk):  # B35 B36 B38
    client, say = sdk(stack.person("alice")), prompt(tokens=9, stall_after=3)
    stream, response_id = begin(client, say)
    stack.upstream.wait(say.tag, "stalled")
    cancelled = client.responses.cancel(response_id)
    assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    assert_response(plain(cancelled))
    assert (cancelled.status, cancelled.output_text) == ("cancelled", spoken(3))
    assert plain(client.responses.cancel(response_id)) == plain(cancelled)
    last = all_of(stream)[-1]
    assert (last["type"], last["response"]) == ("response.cancelled", plain(cancelled))
    run = check(run_of(response_id))
    assert (run.status, run.reason, run.message.content) == (Status.STOPPED, StopReason.USER, spoken(3))
    # What has ended otherwise stays what it is.
    done = client.responses.create(model="scripted", input=prompt(tokens=1))
    assert plain(client.responses.cancel(done.id)) == plain(done)


def test_a_response_that_is_not_in_the_background_ends_with_its_client(stack, sdk):  # B42
    client, say = sdk(stack.person("alice")), prompt(tokens=9, stall_after=2)
    stream = client.responses.create(model="scripted", input=say, stream=True)
    response_id = next(iter(stream)).response.id
    stack.upstream.wait(say.tag, "stalled")
    stream.close()
    assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    run = check(run_of(response_id))
    assert (run.status, run.reason) == (Status.STOPPED, StopReason.VIEWER_LEFT)
    assert client.responses.retrieve(response_id).status == "cancelled"


def test_in_the_background_it_is_asked_for_until_it_is_there(stack, sdk):
    client, say = sdk(stack.person("alice")), prompt(tokens=3, hold=[1], finish="length")
    response = client.responses.create(model="scripted", input=say, background=True)
    assert_response(plain(response))
    assert response.status in ("queued", "in_progress")
    stack.upstream.wait(say.tag, "stalled")
    with pytest.raises(openai.ConflictError) as raised:
        client.responses.create(model="scripted", input="And?", previous_response_id=response.id)
    assert raised.value.code == "previous_response_not_final"
    stack.upstream.release(say.tag)
    check(run_of(response.id))
    ended = client.responses.retrieve(response.id)
    assert_response(plain(ended))
    assert (ended.status, ended.incomplete_details.reason) == ("incomplete", "max_output_tokens")


@pytest.mark.one_database
def test_a_response_that_fails_says_so(stack, sdk):
    client = sdk(stack.person("alice"))
    with pytest.raises(openai.APIStatusError) as raised:  # before its first word
        client.responses.create(model="scripted", input=prompt(status=400))
    assert (raised.value.status_code, raised.value.code) == (400, "refused")
    failed = client.responses.create(model="scripted", input=prompt(tokens=5, close_after=2))
    assert (failed.status, failed.output_text, failed.output[0].status) == ("failed", spoken(2), "incomplete")
    assert (failed.error.code, failed.error.type) == ("server_error", "upstream_interrupted")


@pytest.mark.one_database
def test_what_is_not_stored_is_not_there_afterwards(stack, sdk):
    client = sdk(stack.person("alice"))
    response = client.responses.create(model="scripted", input=prompt(tokens=1), store=False)
    assert (response.status, response.model_extra["store"]) == ("completed", False)
    with pytest.raises(openai.NotFoundError) as raised:
        client.responses.retrieve(response.id)
    assert raised.value.code == "response_not_found"


def test_nobody_else_s_response_is_there(stack, sdk):  # B55
    alice, bob = stack.person("alice"), sdk(stack.person("bob"))
    say = prompt(tokens=2, hold=[1])
    stream, response_id = begin(sdk(alice), say)
    for other in (bob.responses.retrieve, bob.responses.cancel, bob.responses.delete, bob.responses.input_items.list):
        with pytest.raises(openai.NotFoundError) as raised:
            other(response_id)
        assert raised.value.code == "response_not_found"
    with pytest.raises(openai.BadRequestError):
        bob.responses.create(model="scripted", input="And?", previous_response_id=response_id)
    with pytest.raises(openai.NotFoundError):
        bob.responses.retrieve(f"resp_{secrets.token_hex(16)}")
    stack.upstream.wait(say.tag, "stalled")
    stack.upstream.release(say.tag)
    assert all_of(stream)[-1]["type"] == "response.completed"


def test_deleting_what_is_being_written_stops_it(stack, sdk):  # B40
    client, say = sdk(stack.person("alice")), prompt(tokens=9, stall_after=1)
    stream, response_id = begin(client, say)
    stack.upstream.wait(say.tag, "stalled")
    client.responses.delete(response_id)
    assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    assert [event.type for event in stream][-1] == "response.cancelled"
    assert not Exchange.objects.filter(pk=response_id.removeprefix("resp_")).exists()


@pytest.mark.one_database
def test_the_frames_are_as_the_specification_wants_them(stack):
    alice = stack.person("alice")
    body = json.dumps({"model": "scripted", "input": prompt(tokens=1), "stream": True}).encode()
    parts = urlsplit(alice.url)
    with closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)) as connection:
        connection.request("POST", "/v1/responses", body, {**alice.bearer, "Content-Type": "application/json"})
        with connection.getresponse() as reply:
            assert reply.headers["Content-Type"] == "text/event-stream"
            *frames, done, _ = reply.read().split(b"\n\n")
    assert done == b"data: [DONE]"
    for frame in frames:
        if frame == b": heartbeat":
            continue
        name, data = frame.split(b"\n")
        assert name.removeprefix(b"event: ").decode() == json.loads(data.removeprefix(b"data: "))["type"]


def test_the_tokens_of_an_input_are_estimated(stack, sdk):
    """As the model's server has counted so far: here, of a model that has taught two bytes for a token."""
    client = sdk(stack.person("alice"))
    provider = Model.objects.get(name="scripted").provider
    learned = {"bytes_per_token": 2.0}
    Model.objects.create(name="short", label="Short", provider=provider, upstream_id="scripted", learned=learned)

    def count(**body) -> int:
        return client.responses.input_tokens.count(**{"model": "scripted", "input": "x" * 4_000} | body).input_tokens

    assert count() == 1_006
    assert count(model="short") == 2_006
    assert count(instructions="y" * 400) == 1_112
    assert count(tools=[{"type": "function", "name": "look", "parameters": {"about": "z" * 400}}]) > 1_106
    first = client.responses.create(model="scripted", input=prompt("x" * 4_000, tokens=100))
    assert count(input="Hi", previous_response_id=first.id) > 1_000
    with pytest.raises(openai.NotFoundError):
        count(model="no-such")
