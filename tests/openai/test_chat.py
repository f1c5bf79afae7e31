"""Chat completions with the real client: streams, wholes, tools, errors, and what becomes of a client that leaves."""

import http.client
import json
from urllib.parse import urlsplit

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from runs.models import Run
from runs.states import Status, StopReason, Trigger
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
CALLS = [
    {"id": "call_a", "name": "weather", "arguments": '{"city": "Bern"}'},
    {"id": "call_b", "name": "weather", "arguments": '{"city": "Oslo"}'},
]


def user(text):
    return [{"role": "user", "content": text}]


def run_of(completion) -> Run:
    return Run.objects.get(pk=completion.id.removeprefix("chatcmpl-"))


def strictly(kind, value):
    """The object, as the client's own types have it."""
    return kind.model_validate(value.model_dump(mode="json", exclude_unset=True), strict=True)


def test_a_completion_is_the_whole_answer_with_its_usage(stack, sdk):
    alice = stack.person("alice")
    say = prompt(tokens=4, reasoning=2)
    completion = sdk(alice).chat.completions.create(
        model="scripted",
        messages=[{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}, *user(say)],
        temperature=0.5,
        max_completion_tokens=99,
        stop=["END"],
        response_format={"type": "text"},
    )
    strictly(ChatCompletion, completion)
    choice = completion.choices[0]
    assert (choice.message.content, choice.finish_reason) == (spoken(4), "stop")
    assert choice.message.reasoning_content == "r1 r2 "
    assert (completion.model, completion.usage.completion_tokens) == ("scripted", 4)
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + 4
    # It should have sent on what it was given, and nothing of the model's own before it.
    body = stack.upstream.connections(say.tag)[0]["body"]
    assert [message["role"] for message in body["messages"]] == ["system", "user", "user"]
    assert (body["temperature"], body["max_completion_tokens"], body["stop"]) == (0.5, 99, ["END"])
    # It should be a run like any other, in a session that no list has.
    run = check(run_of(completion))
    assert (run.trigger, run.session.is_listed, run.session.owner) == (Trigger.API, False, alice.user)


def test_a_stream_says_the_same_in_chunks_and_ends_with_the_usage(stack, sdk):
    chunks = list(
        sdk(stack.person("alice")).chat.completions.create(
            model="scripted",
            messages=user(prompt(tokens=5)),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    for chunk in chunks:
        strictly(ChatCompletionChunk, chunk)
    *spoken_in, usage = chunks
    assert len({chunk.id for chunk in chunks}) == 1
    assert spoken_in[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in spoken_in) == spoken(5)
    assert [chunk.choices[0].finish_reason for chunk in spoken_in if chunk.choices[0].finish_reason] == ["stop"]
    assert (usage.choices, usage.usage.completion_tokens) == ([], 5)
    assert all(chunk.usage is None for chunk in spoken_in)
    check(run_of(chunks[0]))


@pytest.mark.one_database
@pytest.mark.parametrize("is_stream", [False, True])
def test_functions_are_offered_called_and_answered(stack, sdk, is_stream):
    client, say = sdk(stack.person("alice")), prompt(tokens=0, tools=CALLS, finish="tool_calls")
    asked = {"model": "scripted", "messages": user(say), "tools": [TOOL], "tool_choice": "auto"}
    if is_stream:
        with client.chat.completions.stream(**asked) as stream:
            for _ in stream:
                pass
            completion = stream.get_final_completion()
    else:
        completion = client.chat.completions.create(**asked)
    message = completion.choices[0].message
    assert completion.choices[0].finish_reason == "tool_calls"
    assert [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls] == [
        (call["id"], call["name"], call["arguments"]) for call in CALLS
    ]
    body = stack.upstream.connections(say.tag)[0]["body"]
    assert (body["tools"], body["tool_choice"]) == ([TOOL], "auto")
    # What the functions gave goes back up, behind the calls.
    answers = [{"role": "tool", "tool_call_id": call["id"], "content": "cold"} for call in CALLS]
    again = prompt(tokens=2)
    said = message.model_dump(exclude_none=True)
    messages = [{"role": "user", "content": "Hi"}, said, *answers, *user(again)]
    assert client.chat.completions.create(model="scripted", messages=messages).choices[0].message.content == spoken(2)
    roles = [message["role"] for message in stack.upstream.connections(again.tag)[0]["body"]["messages"]]
    assert roles == ["user", "assistant", "tool", "tool", "user"]


@pytest.mark.parametrize("is_stream", [True, False])
def test_a_client_that_leaves_stops_the_model_at_once(stack, is_stream):  # B42
    alice, say = stack.person("alice"), prompt(tokens=9, stall_after=3)
    body = json.dumps({"model": "scripted", "messages": user(say), "stream": is_stream}).encode()
    leave = open_and_send(alice, body)
    stack.upstream.wait(say.tag, "stalled")
    leave()
    closed = stack.upstream.wait(say.tag, "closed")
    assert closed["ended"] == "closed by client"
    run = check(Run.objects.get(session__owner=alice.user))
    assert run.stop_requested_at < run.viewer_until  # by the connection's end, not because the viewer's lease ran out
    assert (run.status, run.reason, run.message.content) == (Status.STOPPED, StopReason.VIEWER_LEFT, spoken(3))


def open_and_send(person, body):
    """A request on a socket of our own, which is cut without a word. Returns what cuts it."""
    parts = urlsplit(person.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    connection.request("POST", "/v1/chat/completions", body, {**person.bearer, "Content-Type": "application/json"})
    return connection.close


@pytest.mark.one_database
def test_a_client_that_leaves_before_its_run_has_a_worker_leaves_nothing_running(make_stack):  # B42
    stack = make_stack(start=("valkey", "web"))
    alice, say = stack.person("alice"), prompt(tokens=3)
    leave = open_and_send(alice, json.dumps({"messages": user(say), "stream": True}).encode())
    run = wait_until(lambda: Run.objects.filter(session__owner=alice.user).first(), "the run")
    leave()
    assert check(run).reason == StopReason.VIEWER_LEFT
    assert stack.upstream.connections(say.tag) == []


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("script", "status", "code", "retry"),
    [
        ({"status": 400}, 400, "refused", "false"),
        ({"status": 422}, 422, "refused", "false"),
        ({"status": 429}, 429, "refused", "false"),
        ({"status": 500}, 502, "upstream_failed", "false"),
        ({"status": 503}, 503, "upstream_unavailable", "false"),
        ({"close_after": 0}, 502, "upstream_interrupted", "true"),  # the worker cannot know what it would repeat
    ],
)
@pytest.mark.parametrize("is_stream", [False, True])
def test_a_run_that_fails_is_an_error_with_its_status(stack, sdk, script, status, code, retry, is_stream):
    """In a stream, too, as long as there has been no token; and with the words of the model server."""
    client = sdk(stack.person("alice"))
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(model="scripted", messages=user(prompt(**script)), stream=is_stream)
    assert (raised.value.status_code, raised.value.code) == (status, code)
    assert raised.value.response.headers["X-Should-Retry"] == retry
    if status < 500:
        assert "refused by the script" in raised.value.message


@pytest.mark.one_database
@pytest.mark.parametrize("status", [429, 500, 503])
def test_retries_of_a_client_do_not_multiply_with_those_of_the_worker(stack, sdk, status):
    """A client that retries by itself leaves it to the worker, which waits as long as the model server says."""
    client = sdk(stack.person("alice")).with_options(max_retries=2)
    say = prompt(status=status, retry_after="0.01")
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(model="scripted", messages=user(say), stream=True)
    assert len(stack.upstream.connections(say.tag)) == 4  # one request, retried three times
    assert raised.value.response.headers["Retry-After"] == "1"
    assert raised.value.request_id


@pytest.mark.one_database
@pytest.mark.parametrize(("finish", "reason"), [("stop", "stop"), ("length", "length")])
def test_an_answer_may_be_empty_if_the_server_says_why_it_ended(stack, sdk, finish, reason):
    client, say = sdk(stack.person("alice")), prompt(tokens=0, finish=finish)
    choice = client.chat.completions.create(model="scripted", messages=user(say)).choices[0]
    assert (choice.message.content, choice.finish_reason) == ("", reason)
    response = client.responses.create(model="scripted", input=say)
    assert (response.output, response.output_text) == ([], "")
    with pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(model="scripted", messages=user(prompt(tokens=0, finish=None)))
    assert raised.value.code == "empty_answer"


@pytest.mark.one_database
def test_an_error_in_the_middle_of_a_stream_comes_after_the_text(stack, sdk):
    stream = sdk(stack.person("alice")).chat.completions.create(
        model="scripted", messages=user(prompt(tokens=9, close_after=2)), stream=True
    )
    heard = []
    with pytest.raises(openai.APIError) as raised:
        for chunk in stream:
            heard.append(chunk.choices[0].delta.content or "")
    assert "".join(heard) == spoken(2)
    assert raised.value.code == "upstream_interrupted"


@pytest.mark.one_database
def test_the_models_are_listed_and_unknown_ones_are_told(stack, sdk):
    client = sdk(stack.person("alice"))
    assert next(model.id for model in client.models.list()) == "scripted"  # the default one
    assert client.models.retrieve("scripted").owned_by == "scripted"
    with pytest.raises(openai.NotFoundError) as raised:
        client.chat.completions.create(model="no-such", messages=user("Hi"))
    assert (raised.value.code, raised.value.param) == ("model_not_found", "model")
