"""Parameters that change nothing essential never refuse a request: they are dropped, and a header names them."""

from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.apps import apps
from django.test import Client, override_settings

from chatapp.chats.models import Message, Session
from chatapp.openai.chat_requests import parse_chat_request
from chatapp.openai.models import Exchange, ModelAlias
from chatapp.openai.response_requests import parse_response_request
from chatapp.openai.views.endpoint import IGNORED, MAX_IGNORED_CHARACTERS
from runs.models import Model, Run

MESSAGES = [{"role": "user", "content": "Hi"}]
WEATHER = {"name": "weather", "parameters": {"type": "object", "properties": {}}}
CHAT_TOOL = {"type": "function", "function": WEATHER}
TOOL = {"type": "function", **WEATHER}


def parsed_chat(**body):
    return parse_chat_request({"messages": MESSAGES} | body)


def parsed_response(**body):
    return parse_response_request({"input": "Hi"} | body)


@pytest.mark.parametrize(
    ("body", "ignored"),
    [
        ({"verbosity": "low", "top_k": 5, "n": 2, "store": True}, ["n", "store"]),
        ({"logprobs": True, "top_logprobs": 3}, ["logprobs", "top_logprobs"]),
        ({"n": 1, "store": False, "logprobs": False, "modalities": ["text"]}, []),
        ({"verbosity": None}, []),
        ({"reasoning": {"effort": "low", "exclude": True}}, ["reasoning.exclude"]),
        ({"stream_options": {"x": 1}}, ["stream_options.x"]),
        ({"tools": [{**CHAT_TOOL, "cache_control": {}}, CHAT_TOOL]}, ["tools[].cache_control"]),
        ({"tools": [CHAT_TOOL, {"type": "web_search"}]}, ["tools[web_search]"]),
        ({"messages": [*MESSAGES, *MESSAGES, {**MESSAGES[0], "id": 1}]}, ["messages[].id"]),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {}}]}]},
            ["messages[].content[].cache_control"],
        ),
    ],
)
def test_what_a_completion_ignores_is_named(body, ignored):
    assert parsed_chat(**body).ignored == ignored


@pytest.mark.parametrize(
    ("body", "ignored"),
    [
        ({"prompt_cache_retention": "24h", "client_metadata": {}}, ["client_metadata"]),
        ({"text": {"verbosity": "low", "tone": "warm"}}, ["text.tone"]),
        ({"include": ["reasoning.encrypted_content"], "top_logprobs": 0}, []),
        ({"include": ["file_search_call.results", {}]}, ["include"]),
        ({"max_tool_calls": 3, "top_logprobs": 2}, ["max_tool_calls", "top_logprobs"]),
        ({"reasoning": {"effort": "low", "summary": "auto", "context": "auto"}}, ["reasoning.context"]),
        ({"tools": [TOOL, {"type": "web_search"}, {"type": "mcp"}]}, ["tools[web_search]", "tools[mcp]"]),
        (
            {"input": [{"type": "web_search_call", "id": "ws_1"}, {"role": "user", "content": "Hi"}]},
            ["input[web_search_call]"],
        ),
    ],
)  # fmt: skip
def test_what_a_response_ignores_is_named(body, ignored):
    assert parsed_response(**body).ignored == ignored


def test_what_only_the_model_server_may_know_is_passed_on():
    chat = parsed_chat(verbosity="low", top_k=5, chat_template_kwargs={"a": 1}, n=2, metadata={"a": "b"})
    assert chat.extra == {"verbosity": "low", "top_k": 5, "chat_template_kwargs": {"a": 1}}
    response = parsed_response(text={"verbosity": "low"}, prompt_cache_key="k", top_k=5, max_tool_calls=1)
    assert (response.extra, response.parameters) == ({"prompt_cache_key": "k", "top_k": 5}, {"verbosity": "low"})


def test_what_the_model_s_profile_omits_is_named(program, model, transactional_db):
    model.profile = {"omit": ["top_k", "temperature"]}
    model.save()
    body = {"messages": MESSAGES, "top_k": 5, "min_p": 0.1, "temperature": 0.5}
    answer = program.ask("POST", "chat/completions", body)  # there is no broker
    assert answer[IGNORED] == "top_k, temperature"
    assert Exchange.objects.get().parameters == {"min_p": 0.1}


def test_what_cannot_be_called_is_not_offered():
    chat = parsed_chat(tools=[{"type": "web_search"}], tool_choice="auto", parallel_tool_calls=True)
    assert chat.parameters == {}
    response = parsed_response(tools=[{"type": "web_search"}, TOOL], tool_choice="auto")
    assert [tool["name"] for tool in response.echo["tools"]] == ["weather"]
    assert [tool["function"]["name"] for tool in response.parameters["tools"]] == ["weather"]


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_of_many_tools_those_that_are_allowed_are_offered(mode):
    other = {"type": "function", "name": "tides"}
    allowed = {"type": "allowed_tools", "mode": mode, "tools": [{"type": "function", "name": "weather"}]}
    response = parsed_response(tools=[TOOL, other], tool_choice=allowed)
    assert [tool["function"]["name"] for tool in response.parameters["tools"]] == ["weather"]
    assert response.parameters["tool_choice"] == mode
    within = {"mode": mode, "tools": [{"type": "function", "function": {"name": "weather"}}]}
    tools = [CHAT_TOOL, {"type": "function", "function": {"name": "tides"}}]
    chat = parsed_chat(tools=tools, tool_choice={"type": "allowed_tools", "allowed_tools": within})
    assert chat.parameters["tools"] == [CHAT_TOOL]


def test_an_answer_that_was_empty_may_be_sent_back():
    messages = [*MESSAGES, {"role": "assistant", "content": None, "reasoning_details": []}, *MESSAGES]
    assert [message["content"] for message in parsed_chat(messages=messages).input] == ["Hi", "", "Hi"]


def test_openrouter_s_reasoning_is_an_effort():
    assert parsed_chat(reasoning={"effort": "high"}).parameters == {"reasoning_effort": "high"}


@pytest.mark.parametrize("path", ["chat/completions", "responses"])
def test_a_header_names_what_was_ignored(program, model, path, settings, transactional_db):
    """Without a broker the request fails, but not because of its parameters."""
    body = {"messages": MESSAGES, "input": "Hi", "n": 2, "max_tool_calls": 5, "tools": [{"type": "größe"}]}
    response = program.ask("POST", path, body)
    assert response.status_code == 503
    assert response[IGNORED] in ("n", "max_tool_calls")
    many = [{"type": f"tool_{n}"} for n in range(1_000)]
    assert len(program.ask("POST", path, body | {"tools": many})[IGNORED]) <= MAX_IGNORED_CHARACTERS


@pytest.mark.parametrize("name", ["betula", "Qwen/Qwen3-8B:q4", "gpt-5"])
def test_a_model_goes_by_its_name_its_upstream_s_and_its_alias(program, model, name, transactional_db):
    model.upstream_id = "Qwen/Qwen3-8B:q4"
    model.save()
    ModelAlias.objects.create(name="gpt-5", model=model)
    assert program.ask("GET", f"models/{name}").json()["id"] == "betula"
    head = program.ask("HEAD", f"models/{name}")
    assert (head.status_code, head.content) == (200, b"")
    program.ask("POST", "responses", {"model": name, "input": "Hi"})  # there is no broker
    assert Exchange.objects.get().run.model == model
    model.enabled = False
    model.save()
    assert program.ask("GET", f"models/{name}").status_code == 404


def test_created_is_when_a_model_was_added(program, model):
    Model.objects.filter(pk=model.pk).update(added_at=datetime(2026, 1, 2, tzinfo=UTC))
    listed = program.ask("GET", "models").json()["data"]
    assert [one["created"] for one in listed] == [1767312000]
    assert program.ask("GET", "models/betula").json() == listed[0]


def test_a_model_that_is_older_than_its_date_is_as_old_as_its_first_run(program, model, alice):
    session = Session.objects.create(owner=alice)
    for day in (3, 2):
        message = Message.objects.create(session=session, role="user", content="Hello")
        Run.objects.create(session=session, message=message, model=model, queued_at=datetime(2026, 1, day, tzinfo=UTC))
    import_module("runs.migrations.0016_model_added_at").date_by_first_run(apps, None)
    assert program.ask("GET", "models/betula").json()["created"] == 1767312000


def test_every_answer_has_the_id_of_its_line_in_the_log(program, nobody, caplog):
    for answer in (program.ask("GET", "models/no-such"), nobody.ask("GET", "models")):
        assert answer["X-Request-ID"] in caplog.text


def test_programs_have_limits_of_their_own(program, model, settings, transactional_db):
    """A document of 150,000 characters is refused to people, who attach files instead."""
    settings.USER_MAX_SENDS, settings.PROGRAM_MAX_SENDS = 1, 2
    document = {"role": "user", "content": "x" * 150_000}
    statuses = [program.ask("POST", "chat/completions", {"messages": [document]}).status_code for _ in range(3)]
    assert statuses == [503, 503, 429]  # there is no broker
    answer = program.client.post("/api/v1/sessions", {}, content_type="application/json")
    path = f"/api/v1/sessions/{answer.json()['id']}/messages"
    answer = program.client.post(path, {"text": "Hi"}, content_type="application/json")
    assert answer.status_code == 503  # not 429: what programs ask for is counted apart


def test_pages_of_sites_that_may_call_the_api(program, model):
    """Those that ALLOWED_ORIGINS names, with a token, and no others. The answer's headers can be read."""
    with override_settings(CORS_ALLOWED_ORIGINS=["https://app.example.org"]):
        for origin, is_allowed in (("https://app.example.org", True), ("https://evil.example.org", False)):
            preflight = {"Origin": origin, "Access-Control-Request-Method": "GET"}
            asked = {"Access-Control-Request-Headers": "authorization, x-stainless-lang"}
            answer = Client().options("/v1/models", headers=preflight | asked)
            assert answer.status_code == 200
            assert ("Access-Control-Allow-Origin" in answer) is is_allowed
            answer = program.ask("GET", "models", Origin=origin)
            assert answer.get("Access-Control-Allow-Origin") == (origin if is_allowed else None)
            assert ("X-Request-ID" in answer.get("Access-Control-Expose-Headers", "")) is is_allowed
            assert "Access-Control-Allow-Credentials" not in answer
            page = Client().get("/login", headers={"Origin": origin})
            assert "Access-Control-Allow-Origin" not in page
