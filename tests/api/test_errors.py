"""Every bad request gets a clear error of one shape, and leaves nothing behind."""

from uuid import uuid4

import pytest
from django.test import override_settings

from chatapp.chats.models import Message, Session
from runs.models import Model, Run
from streams.models import LoggedEvent

NESTED = b"[" * 100_000
TOO_LONG = "x" * 100_001
FORM = {"content_type": "application/x-www-form-urlencoded"}

# what is sent, options of the request, HTTP status, code
BAD_MESSAGES = {
    "no JSON": (b"hello", {}, 400, "malformed"),
    "half a JSON object": (b'{"text": "hel', {}, 400, "malformed"),
    "not UTF-8": (b'{"text": "\xff"}', {}, 400, "malformed"),
    "not a number": (b'{"text": NaN}', {}, 400, "malformed"),
    "nested without end": (NESTED, {}, 400, "malformed"),
    "a form": (b"text=hello", FORM, 415, "unsupported_media_type"),
    "no body": (b"", {}, 422, "invalid"),
    "an array": (["hello"], {}, 422, "invalid"),
    "no text": ({}, {}, 422, "invalid"),
    "text is null": ({"text": None}, {}, 422, "invalid"),
    "text is a number": ({"text": 5}, {}, 422, "invalid"),
    "text is an object": ({"text": {"a": 1}}, {}, 422, "invalid"),
    "text with a NUL": ({"text": "a\x00b"}, {}, 422, "invalid"),
    "text with half a character": (b'{"text": "\\ud800"}', {}, 422, "invalid"),
    "model is a number": ({"text": "hello", "model": 5}, {}, 422, "invalid"),
    "empty": ({"text": ""}, {}, 422, "prompt_empty"),
    "white space only": ({"text": " \n\t "}, {}, 422, "prompt_empty"),
    "100,001 characters": ({"text": TOO_LONG}, {}, 413, "prompt_too_long"),
    "more than a request may hold": ({"text": "x" * 3_000_000}, {}, 413, "body_too_large"),
    "unknown model": ({"text": "hello", "model": "no-such-model"}, {}, 422, "model_unknown"),
}


def assert_problem(response, status, code):
    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code)
    assert response["Content-Type"] == "application/problem+json"
    assert (problem["type"], problem["status"]) == (f"tag:chatapp,2026:{code}", status)
    assert problem["title"].endswith(".")
    assert isinstance(problem["retryable"], bool)
    if isinstance(fields := problem.get("fields"), dict):
        assert not any(isinstance(errors, str) for errors in fields.values()), "clients read a list for each field"


@pytest.mark.parametrize("case", BAD_MESSAGES)
def test_a_bad_message_is_refused_and_nothing_is_written(alice, session, model, case):
    body, options, status, code = BAD_MESSAGES[case]
    assert_problem(alice.post(f"sessions/{session.pk}/messages", body, **options), status, code)
    assert not Message.objects.filter(session=session).exists()
    assert not Run.objects.filter(session=session).exists()


def test_validation_names_the_fields(alice, session, model):
    problem = alice.post(f"sessions/{session.pk}/messages", {"text": 5}).json()
    assert list(problem["fields"]) == ["text"]


def test_exactly_100_000_characters_are_accepted(alice, session, model):
    assert alice.post(f"sessions/{session.pk}/messages", {"text": "é" * 100_000}).status_code == 202


def test_without_any_model_the_answer_says_so(alice, session):
    Model.objects.all().delete()
    assert_problem(alice.post(f"sessions/{session.pk}/messages", {"text": "hello"}), 503, "model_missing")


def test_a_disabled_model_is_unknown(alice, session, model):
    Model.objects.filter(pk=model.pk).update(enabled=False)
    body = {"text": "hello", "model": model.name}
    assert_problem(alice.post(f"sessions/{session.pk}/messages", body), 422, "model_unknown")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"title": "x" * 81}, "invalid"),
        ({"title": 1}, "invalid"),
        ({"model": ["a"]}, "invalid"),
        ({"model": "no-such-model"}, "model_unknown"),
        ({"model": "a\0b"}, "invalid"),  # was a 500 on PostgreSQL
        ([], "invalid"),
    ],
)
def test_a_bad_session_is_refused(alice, body, code):
    assert_problem(alice.post("sessions", body), 422, code)
    assert not Session.objects.filter(owner=alice.user).exists()


TAKING_TEXT = [("post", "messages/{message}/edit"), ("patch", "runs/{run}/waiting")]
BAD_TEXTS = [(*asking, case) for asking in TAKING_TEXT for case in BAD_MESSAGES if "model" not in case]


def everything():
    """All that a request could change."""
    return [list(kind.objects.order_by("pk").values()) for kind in (Session, Message, Run, LoggedEvent)]


@pytest.fixture
def asked(alice, session, model):
    """One answer is on its way, another message waits. What the endpoints' addresses name."""
    first, second = alice.ask(session, "one"), alice.ask(session, "two")
    return {"session": session.pk, "message": first.message.parent_id, "run": second.pk}


@pytest.mark.parametrize(("method", "path", "case"), BAD_TEXTS)
def test_a_bad_text_is_refused_wherever_one_is_taken(alice, asked, method, path, case):
    body, options, status, code = BAD_MESSAGES[case]
    before = everything()
    assert_problem(getattr(alice, method)(path.format(**asked), body, **options), status, code)
    assert everything() == before


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed"),
        (NESTED, 400, "malformed"),
        ([], 422, "invalid"),
        ({"model": 5}, 422, "invalid"),
        ({"model": "no-such-model"}, 422, "model_unknown"),
    ],
)
def test_another_answer_by_nobody_is_refused(alice, asked, body, status, code):
    before, first = everything(), Run.objects.earliest("queued_at")
    assert_problem(alice.post(f"runs/{first.pk}/again", body), status, code)
    assert everything() == before


@pytest.mark.parametrize("value", ["later", "", 5, ["reject"]])
def test_an_unknown_when_busy_is_refused(alice, asked, value):
    body = {"text": "hello", "when_busy": value}
    assert_problem(alice.post(f"sessions/{asked['session']}/messages", body), 422, "invalid")


def test_a_wrong_address_tells_a_stranger_nothing_about_which_addresses_exist(nobody):
    assert_problem(nobody.get("no/such/place"), 401, "not_authenticated")


@pytest.mark.parametrize("path", ["", "no/such/place", "sessions/", "queue"])
def test_a_wrong_address_is_404_in_json(alice, path):
    assert_problem(alice.get(path), 404, "not_found")
    assert_problem(alice.client.get(f"/api/{path or 'v2/sessions'}"), 404, "not_found")


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer wrong", "Bearer a b", "Bearer ÿÿ", "Basic YTpi", "Token x", "Bearer " + "x" * 5000]
)
@pytest.mark.parametrize("path", ["runs/{run}", "runs/{run}/events"])
def test_a_token_that_is_none_is_401(nobody, header, path):
    response = nobody.get(path.format(run=uuid4()), Authorization=header)
    assert_problem(response, 401, "not_authenticated")


def test_the_token_of_a_disabled_user_is_401(alice):
    alice.user.is_active = False
    alice.user.save(update_fields=["is_active"])
    assert_problem(alice.post("sessions", {}), 401, "not_authenticated")


def test_a_session_cookie_is_no_token(alice, nobody):
    nobody.client.force_login(alice.user)
    assert_problem(nobody.post("sessions", {}), 401, "not_authenticated")


@pytest.mark.parametrize(
    ("method", "path"),
    [("delete", "sessions"), ("get", "runs/{id}/stop"), ("post", "runs/{id}"), ("post", "runs/{id}/events")],
)
def test_a_wrong_method_is_405(alice, method, path):
    assert_problem(getattr(alice, method)(path.format(id=uuid4())), 405, "method_not_allowed")


def test_a_client_that_accepts_no_json_is_told(alice, session):
    response = alice.get(f"runs/{uuid4()}", Accept="image/png")
    assert_problem(response, 406, "not_acceptable")


def test_what_nobody_foresaw_is_a_clear_error_too(alice, session, model):
    alice.client.raise_request_exception = False
    with override_settings(PROMPT_MAX_CHARACTERS="not a number"):  # a site that is set up wrongly
        response = alice.post(f"sessions/{session.pk}/messages", {"text": "hello"})
    assert_problem(response, 500, "internal_error")
    assert response.json()["retryable"] is True
