"""Embeddings and plain completions, passed on to the model's server: with the real client, and what is refused."""

import http.client
import json
import logging
import struct
from base64 import b64encode
from urllib.parse import urlsplit

import openai
import pytest
from django.contrib.auth.models import Group
from openai.types import Completion, CreateEmbeddingResponse

from runs.models import Model, Provider, Run
from tests.harness.upstream import prompt, spoken


@pytest.mark.parametrize("encoding", ["float", "base64", None])
def test_texts_become_vectors(stack, sdk, encoding):
    """Without an encoding the client asks for base64, and decodes it."""
    chosen = {"encoding_format": encoding} if encoding else {}
    say = prompt("One two three.")
    answer = sdk(stack.person("alice")).embeddings.create(model="scripted", input=["Hi", say], dimensions=2, **chosen)
    vectors = [[1.0, 0.5], [float(len(say.split())), 0.5]]
    if encoding == "base64":
        vectors = [b64encode(struct.pack("<2f", *vector)).decode() for vector in vectors]
    else:
        CreateEmbeddingResponse.model_validate(answer.model_dump(mode="json"))
    assert [one.embedding for one in answer.data] == vectors
    body = stack.upstream.connections(say.tag)[0]["body"]
    assert (body["model"], body["input"], body["dimensions"]) == ("scripted", ["Hi", say], 2)
    assert body["encoding_format"] == (encoding or "base64")
    assert not Run.objects.filter(session__owner=stack.people[-1].user).exists()


def test_a_completion_comes_whole_and_as_a_stream(stack, sdk):
    client, say = sdk(stack.person("alice")), prompt(tokens=4)
    whole = client.completions.create(model="scripted", prompt=say, max_tokens=9)
    Completion.model_validate(whole.model_dump(mode="json"))
    assert whole.choices[0].text == spoken(4)
    options = {"include_usage": True}
    chunks = list(client.completions.create(model="scripted", prompt=say, stream=True, stream_options=options))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == spoken(4)
    assert chunks[-1].usage.completion_tokens == 4
    assert [one["body"].get("max_tokens") for one in stack.upstream.connections(say.tag)] == [9, None]


def test_the_upstream_ends_with_its_client(stack, sdk):
    say = prompt(tokens=9, hold=[2])
    stream = sdk(stack.person("alice")).completions.create(model="scripted", prompt=say, stream=True)
    next(iter(stream))
    stack.upstream.wait(say.tag, "stalled")
    stream.close()
    assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"


def test_the_upstream_ends_with_a_client_that_waits_for_the_whole(stack):
    alice, say = stack.person("alice"), prompt(hold_headers=True)
    connection = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=30)
    connection.request("POST", "/v1/completions", json.dumps({"model": "scripted", "prompt": say}), alice.bearer)
    stack.upstream.wait(say.tag, "stalled")
    connection.close()
    assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("script", "kind", "status", "retry"),
    [
        ({"status": 400, "error": "too many dimensions"}, openai.BadRequestError, 400, "false"),
        ({"status": 404, "error": "no such path"}, openai.NotFoundError, 404, "false"),
        ({"status": 429, "retry_after": "7"}, openai.RateLimitError, 429, "true"),
        ({"status": 401, "error": "Incorrect API key"}, openai.InternalServerError, 502, "false"),
        ({"status": 500}, openai.InternalServerError, 502, "true"),
        ({"body": "<html>Welcome</html>"}, openai.InternalServerError, 502, "false"),
        ({"body": '{"error": {"message": "out of memory", "code": 507}}'}, openai.InternalServerError, 502, "true"),
    ],
)  # fmt: skip
def test_an_upstream_s_error_keeps_its_class(stack, sdk, script, kind, status, retry, is_stream):
    with pytest.raises(kind) as raised:
        sdk(stack.person("alice")).completions.create(model="scripted", prompt=prompt(**script), stream=is_stream)
    assert raised.value.status_code == status
    headers = raised.value.response.headers
    assert (headers["X-Should-Retry"], headers.get("Retry-After")) == (retry, script.get("retry_after"))
    if status == 400:
        assert (raised.value.body["message"], raised.value.code) == ("too many dimensions", "refused")


def test_what_breaks_off_ends_with_an_error(stack, sdk):
    say = prompt(tokens=5, reset_after=3)
    stream = sdk(stack.person("alice")).completions.create(model="scripted", prompt=say, stream=True)
    with pytest.raises(openai.APIError, match="closed the connection before the answer was finished"):
        list(stream)


def test_a_key_that_the_upstream_repeats_is_replaced(stack, sdk):
    """In an error as well as in an answer, in a stream as well as in a whole."""
    key = "k-7-secret"
    provider = Provider(name="echo", base_url=stack.upstream.base_url)
    provider.store_key(key)
    provider.save()
    Model.objects.create(name="echo", label="Echo", provider=provider, upstream_id="echo")
    client, answers = sdk(stack.person("alice")), []
    for is_stream in (False, True):
        body = f'{{"choices": [{{"text": "{key}"}}]}}'
        say = prompt(body=f"data: {body}\n\ndata: [DONE]\n\n" if is_stream else body)
        answer = client.completions.with_raw_response.create(model="echo", prompt=say, stream=is_stream)
        answers.append("".join(answer.http_response.iter_text()))
        assert stack.upstream.connections(say.tag)[0]["headers"]["Authorization"] == f"Bearer {key}"
        with pytest.raises(openai.BadRequestError) as raised:
            client.completions.create(model="echo", prompt=prompt(status=400, error=f"I was sent {key}"))
        answers.append(raised.value.response.text)
    assert all(key not in answer and "[key]" in answer for answer in answers)


def test_a_model_of_a_group_embeds_for_its_members_only(stack, sdk):
    alice, bob = stack.person("alice"), stack.person("bob")
    group = Group.objects.create(name="embedders")
    alice.user.groups.add(group)
    provider = Provider.objects.get(name="scripted")
    model = Model.objects.create(name="vectors", label="Vectors", provider=provider, upstream_id="scripted")
    model.groups.add(group)
    assert sdk(alice).embeddings.create(model="vectors", input="Hi").data
    with pytest.raises(openai.NotFoundError) as raised:
        sdk(bob).embeddings.create(model="vectors", input="Hi")
    assert raised.value.code == "model_not_found"


def test_a_revoked_token_ends_a_stream(make_stack, sdk):
    stack = make_stack(start=("valkey", "web"), STREAMS_HEARTBEAT_SECONDS="0.2")
    alice, say = stack.person("alice"), prompt(tokens=9, hold=[2])
    stream = iter(sdk(alice).completions.create(model="scripted", prompt=say, stream=True))
    next(stream)
    stack.upstream.wait(say.tag, "stalled")
    alice.user.auth_token_set.all().delete()
    list(stream)
    assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"


@pytest.mark.parametrize(
    ("path", "body", "param", "code"),
    [
        ("embeddings", {"input": "Hi"}, "model", "missing_required_parameter"),
        ("embeddings", {"model": "betula"}, "input", "missing_required_parameter"),
        ("embeddings", {"model": "b", "input": "Hi", "encoding_format": "hex"}, "encoding_format", "invalid_value"),
        ("completions", {"model": "betula"}, "prompt", "missing_required_parameter"),
        ("completions", {"model": "betula", "prompt": "Hi", "stream": "yes"}, "stream", "invalid_value"),
        ("completions", {"model": 7, "prompt": "Hi"}, "model", "invalid_value"),
    ],
)  # fmt: skip
def test_a_request_without_its_essentials_is_refused(program, model, path, body, param, code):
    answer = program.ask("POST", path, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, code)


@pytest.mark.parametrize("path", ["embeddings", "completions"])
def test_a_request_is_authorised_and_bounded(program, nobody, model, path, settings):
    body = {"model": "betula", "input": "Hi", "prompt": "Hi"}
    assert nobody.ask("POST", path, body).status_code == 401
    settings.PROGRAM_MAX_BYTES = 100
    assert program.ask("POST", path, body | {"user": "x" * 100}).status_code == 413
    assert program.ask("GET", path).status_code == 405


def test_a_server_that_cannot_be_reached_is_an_error_that_may_pass(program, model, caplog):
    with caplog.at_level(logging.WARNING):
        answer = program.ask("POST", "embeddings", {"model": "betula", "input": "Hi"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_unreachable")
    assert answer["X-Should-Retry"] == "true"
    assert "http://127.0.0.1:9/v1/embeddings failed: upstream_unreachable" in caplog.text


def test_a_model_that_only_makes_vectors_is_for_programs(program, client, alice, model):
    """It is in their list of models, and in no picker."""
    embedder = Model.objects.create(
        name="an-embedder", label="An embedder", provider=model.provider, upstream_id="e", has_chat=False
    )
    assert [each["id"] for each in program.ask("GET", "models").json()["data"]] == ["betula", "an-embedder"]
    client.force_login(alice)
    for path in ("/", "/compare", "/schedules/new", "/settings"):
        page = client.get(path, follow=True)
        assert page.status_code == 200, path
        assert embedder.label not in page.content.decode(), path
