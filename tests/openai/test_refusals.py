"""What is wrong with a request is told in OpenAI's shape, with the name of the parameter, and nothing is written."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from rest_framework.exceptions import Throttled

from chatapp.accounts.models import Scope
from chatapp.chats.models import Session
from chatapp.openai.errors import RUN_STATUS, Refusal, error_response
from chatapp.openai.models import Exchange
from chatapp.openai.urls import urlpatterns
from runs.states import Status
from tests.api.test_error_codes import run_errors
from tests.openai.conftest import Program

MESSAGES = [{"role": "user", "content": "Hi"}]
BAD_BODIES = {
    "no JSON": (b"{", 400, "malformed", None),
    "not UTF-8": (b'{"model": "\xff"}', 400, "malformed", None),
    "half a character": (b'{"user": "\\ud800"}', 400, "malformed", "user"),
    "a NUL": (b'{"tools": [{"\\u0000": 1}]}', 400, "malformed", "tools"),
    "nested without end": (b"[" * 100_000, 400, "malformed", None),
    "an array": (b"[]", 400, "malformed", None),
    "too large": (b" " * 10_000_001, 413, "body_too_large", None),
    "an unknown model": ({"model": "no-such"}, 404, "model_not_found", "model"),
    "a model that is no string": ({"model": 5}, 400, "invalid_value", "model"),
    "too hot": ({"temperature": 3}, 400, "invalid_value", "temperature"),
    "a boolean for a number": ({"temperature": True}, 400, "invalid_value", "temperature"),
    "a string for a number": ({"temperature": "1"}, 400, "invalid_value", "temperature"),
    "a number for a boolean": ({"stream": 1}, 400, "invalid_value", "stream"),
    "a choice of a hosted tool": (
        {"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}},
        400,
        "unsupported_parameter",
        "tool_choice",
    ),
    "a call that is required of no function": (
        {"tools": [{"type": "web_search"}], "tool_choice": "required"},
        400,
        "unsupported_parameter",
        "tool_choice",
    ),
    "a choice that is none": ({"tool_choice": "maybe"}, 400, "invalid_value", "tool_choice"),
}
BAD_CHATS = {
    "no messages": ({"messages": None}, 400, "missing_required_parameter", "messages"),
    "messages that are none": ({"messages": "Hi"}, 400, "invalid_value", "messages"),
    "a message that is none": ({"messages": ["Hi"]}, 400, "invalid_value", "messages[0]"),
    "no role": ({"messages": [{"content": "Hi"}]}, 400, "missing_required_parameter", "messages[0].role"),
    "an unknown role": ({"messages": [{"role": "cat", "content": ""}]}, 400, "invalid_value", "messages[0].role"),
    "no content": ({"messages": [{"role": "user"}]}, 400, "missing_required_parameter", "messages[0].content"),
    "a picture of nothing": (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        400,
        "missing_required_parameter",
        "messages[0].content[0].image_url.url",
    ),
    "nothing said": ({"messages": [{"role": "user", "content": " "}]}, 400, "prompt_empty", None),
    "too long": ({"messages": [{"role": "user", "content": "x" * 1_000_001}]}, 400, "context_length_exceeded", None),
    "a nameless function": (
        {"tools": [{"type": "function", "function": {}}]},
        400,
        "missing_required_parameter",
        "tools[0].function.name",
    ),
    "functions of old": ({"functions": []}, 400, "unsupported_parameter", "functions"),
    "five stops": ({"stop": list("abcde")}, 400, "invalid_value", "stop"),
    "no tokens": ({"max_tokens": 0}, 400, "invalid_value", "max_tokens"),
}
BAD_RESPONSES = {
    "no input": ({"input": None}, 400, "missing_required_parameter", "input"),
    "an empty input": ({"input": []}, 400, "missing_required_parameter", "input"),
    "an item that is none": ({"input": [5]}, 400, "invalid_value", "input[0]"),
    "an item of another kind": ({"input": [{"type": "poem"}]}, 400, "unsupported_parameter", "input[0].type"),
    "a reference to nothing": (
        {"input": [{"type": "item_reference", "id": f"msg_{'0' * 32}_0"}]},
        404,
        "item_not_found",
        "input[0].id",
    ),
    "a picture of nothing": (
        {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
        400,
        "missing_required_parameter",
        "input[0].content[0].file_id",
    ),
    "a call without a name": (
        {"input": [{"type": "function_call", "call_id": "a"}]},
        400,
        "missing_required_parameter",
        "input[0].name",
    ),
    "nothing said": ({"input": " "}, 400, "prompt_empty", None),
    "too long": ({"input": "x" * 1_000_001}, 400, "context_length_exceeded", None),
    "long instructions": ({"instructions": "x" * 1_000_001}, 400, "context_length_exceeded", None),
    "in the background and not kept": ({"background": True, "store": False}, 400, "invalid_value", "background"),
    "a previous one that is none": (
        {"previous_response_id": "resp_x"},
        400,
        "previous_response_not_found",
        "previous_response_id",
    ),
    "a conversation": ({"conversation": "c"}, 404, "conversation_not_found", "conversation"),
    "a number as metadata": ({"metadata": {"a": 1}}, 400, "invalid_value", "metadata"),
    "an unknown format": ({"text": {"format": {"type": "xml"}}}, 400, "invalid_value", "text.format.type"),
    "another truncation": ({"truncation": "never"}, 400, "invalid_value", "truncation"),
}


def assert_refused(response, status, code, param=None):
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"].endswith(".")
    assert not Session.objects.exists()


@pytest.mark.one_database
@pytest.mark.parametrize("case", [*BAD_BODIES, *BAD_CHATS])
def test_a_bad_request_for_a_completion_is_refused(program, model, case):
    body, *expected = (BAD_BODIES | BAD_CHATS)[case]
    body = body if isinstance(body, bytes) else {"messages": MESSAGES} | body
    assert_refused(program.ask("POST", "chat/completions", body), *expected)


@pytest.mark.one_database
@pytest.mark.parametrize("case", BAD_RESPONSES)
def test_a_bad_request_for_a_response_is_refused(program, model, case):
    """Bodies are read by the same functions for both; only what is the response's own is tried here."""
    body, *expected = BAD_RESPONSES[case]
    assert_refused(program.ask("POST", "responses", {"input": "Hi"} | body), *expected)


@pytest.mark.one_database
@pytest.mark.parametrize("response_id", ["resp_x", f"resp_{'0' * 32}", f"msg_{'0' * 32}", "0"])
def test_a_response_that_is_not_there_is_told_so(program, response_id):
    asked = [("GET", ""), ("GET", "?stream=true"), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")]
    for method, rest in asked:
        response = program.ask(method, f"responses/{response_id}{rest}")
        assert_refused(response, 404, "response_not_found", "response_id")


def test_without_any_model_the_site_is_to_blame(program):
    assert_refused(program.ask("POST", "chat/completions", {"messages": MESSAGES}), 503, "model_missing")


def test_limits_of_the_user_count_here_too(program, model, settings, transactional_db):  # B57
    settings.PROGRAM_MAX_SENDS = 1
    program.ask("POST", "chat/completions", {"messages": MESSAGES})
    response = program.ask("POST", "chat/completions", {"messages": MESSAGES})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["type"]) == (429, "too_many_sends", "rate_limit_error")
    assert 0 < int(response["Retry-After"]) <= 60


def test_without_a_broker_the_client_is_told_to_try_again(program, model, transactional_db):  # B11
    response = program.ask("POST", "chat/completions", {"messages": MESSAGES})
    assert (response.status_code, response.json()["error"]["code"]) == (503, "broker_unavailable")
    assert response["X-Should-Retry"] == "true"
    assert Exchange.objects.get().run.status == Status.FAILED


# All there are, with an id that nothing has.
ADDRESSES = [
    str(pattern.pattern).replace("<path:name>", "no-such").replace("<str:response_id>", f"resp_{'0' * 32}")
    for pattern in urlpatterns
]


@pytest.mark.one_database
@pytest.mark.parametrize("path", ADDRESSES)
def test_without_a_valid_key_nothing_is_told(nobody, program, path):  # B55
    headers = ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer ÿÿ"}, {"Authorization": "Basic YTpi"})
    for method in ("GET", "POST"):
        for header in headers:
            response = nobody.ask(method, path, **header)
            assert_refused(response, 401, "invalid_api_key")
            assert response["WWW-Authenticate"].startswith("Bearer")
    expired = Program(program.user, expiry=timedelta(seconds=-1))
    assert_refused(expired.ask("GET", path), 401, "invalid_api_key")
    reader = Program(program.user, scope=Scope.READ)
    assert_refused(reader.ask("POST", path), 403, "scope_missing")
    program.user.is_active = False
    program.user.save(update_fields=["is_active"])
    assert_refused(program.ask("GET", path), 401, "invalid_api_key")


@pytest.mark.one_database
def test_a_wrong_method_and_a_wrong_address_are_told(program):
    response = program.ask("DELETE", "models")
    assert_refused(response, 405, "method_not_allowed")
    assert response["Allow"] == "GET"
    assert_refused(program.ask("GET", "no/such/place"), 404, "unknown_url")
    assert_refused(program.ask("GET", "models/no-such"), 404, "model_not_found", "model")


@pytest.mark.one_database
@pytest.mark.parametrize("path", ["", "batches", "responses/", "chat/completions/", "models/"])
def test_what_does_not_exist_is_missing_whatever_the_method(program, path):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
        assert_refused(program.ask(method, path), 404, "unknown_url")
    head = program.ask("HEAD", path)
    assert (head.status_code, head.content) == (404, b"")


@pytest.mark.one_database
def test_the_root_without_a_slash_is_missing_too(program):
    for method in ("GET", "POST"):
        assert_refused(program.client.generic(method, "/v1"), 404, "unknown_url")


@pytest.mark.one_database
def test_what_nobody_foresaw_is_a_clear_error_too(program, model, settings):
    program.client.raise_request_exception = False
    settings.PROGRAM_MAX_CHARACTERS = "not a number"  # a site that is set up wrongly
    response = program.ask("POST", "chat/completions", {"messages": MESSAGES})
    assert_refused(response, 500, "internal_error")
    assert response["X-Should-Retry"] == "true"


def test_a_throttle_says_how_long_to_wait(rf):
    response = error_response(Throttled(2.1), rf.get("/v1/models"))
    assert (response.status_code, response["Retry-After"], response["X-Should-Retry"]) == (429, "3", "true")
    assert json.loads(response.content)["error"]["type"] == "rate_limit_error"


@pytest.mark.one_database
def test_staff_read_what_was_asked(program, model, charlie, transactional_db):  # B59
    program.ask("POST", "responses", {"input": "Which tree?"})  # without a broker; it is kept all the same
    staff = Client()
    staff.force_login(charlie)
    page = staff.get(reverse("admin:openai_exchange_change", args=[Exchange.objects.get().pk]))
    assert "Which tree?" in page.text
    assert staff.get(reverse("admin:openai_exchange_changelist")).status_code == 200


def test_every_code_is_on_the_page():
    page = Path(settings.BASE_DIR, "docs", "openai.md").read_text()
    documented = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", page, re.MULTILINE))
    own = {kind.code: kind.status for kind in Refusal.__subclasses__()} | {Refusal.code: Refusal.status}
    others = {"invalid_api_key": 401, "model_not_found": 404, "stopped": 500, "lost": 500}
    others |= {"conversation_locked": 409}
    assert {code: int(status) for code, status in documented.items()} == own | others


def test_every_address_is_on_the_page():
    page = Path(settings.BASE_DIR, "docs", "openai.md").read_text()
    named = {re.sub(r"\{\w+\}", "…", path) for path in re.findall(r"^\| `[A-Z]+ /v1/([^`?]+)`", page, re.MULTILINE)}
    served = {re.sub(r"<\w+:\w+>", "…", str(pattern.pattern)) for pattern in urlpatterns if pattern.name != "missing"}
    assert named == served


def test_every_code_of_a_run_is_one_that_there_is():
    assert set(RUN_STATUS) <= {error.code for error in run_errors()}


def test_a_token_that_may_only_read_starts_nothing(alice, model):
    reader = Program(alice, scope=Scope.READ)
    assert reader.ask("GET", "models").status_code == 200
    assert_refused(reader.ask("POST", "chat/completions", {"messages": MESSAGES}), 403, "scope_missing")


@pytest.mark.one_database
@pytest.mark.parametrize("path", ["chat/completions", "responses"])
def test_a_model_without_tools_is_not_asked_to_call_one(program, model, path):
    model.has_tools = False
    model.save(update_fields=["has_tools"])
    function = {"name": "weather", "parameters": {"type": "object", "properties": {}}}
    bodies = {
        "chat/completions": {"messages": MESSAGES, "tools": [{"type": "function", "function": function}]},
        "responses": {"input": "Hi", "tools": [{"type": "function"} | function]},
    }
    assert_refused(program.ask("POST", path, bodies[path]), 400, "unsupported_parameter", "tools")
