"""Every bad request gets a clear error of one shape, and leaves nothing behind."""

from uuid import uuid4

import pytest
from django.test import override_settings
from django.urls import resolve

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
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response["Content-Type"] == "application/json"
    assert response.json()["message"].endswith(".")
    assert isinstance(response.json()["retryable"], bool)


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
        ([], "invalid"),
    ],
)
def test_a_bad_session_is_refused(alice, body, code):
    assert_problem(alice.post("sessions", body), 422, code)
    assert not Session.objects.filter(owner=alice.user).exists()


# Every endpoint that names something, with a body that it would take from the owner.
TEXT = {"text": "Something else"}
ENDPOINTS = [
    ("get", "sessions/{session}", None),
    ("delete", "sessions/{session}", None),
    ("post", "sessions/{session}/messages", TEXT),
    ("get", "sessions/{session}/queue", None),
    ("delete", "sessions/{session}/queue", None),
    ("post", "sessions/{session}/queue/release", None),
    ("post", "messages/{message}/edit", TEXT),
    ("get", "runs/{run}", None),
    ("get", "runs/{run}/events", None),
    ("post", "runs/{run}/stop", None),
    ("post", "runs/{run}/again", {}),
    ("post", "runs/{run}/continue", None),
    ("patch", "runs/{run}/waiting", TEXT),
    ("delete", "runs/{run}/waiting", None),
    ("post", "runs/{run}/send-now", None),
]
TAKING_TEXT = [("post", "messages/{message}/edit"), ("patch", "runs/{run}/waiting")]
BAD_TEXTS = [(*asking, case) for asking in TAKING_TEXT for case in BAD_MESSAGES if "model" not in case]


def request(person, method, path, body, named):
    path = path.format(**named)
    return person.get(path) if method == "get" else getattr(person, method)(path, body)


def everything():
    """All that a request could change."""
    return [list(kind.objects.order_by("pk").values()) for kind in (Session, Message, Run, LoggedEvent)]


@pytest.fixture
def asked(alice, session, model):
    """One answer is on its way, another message waits. What the endpoints' addresses name."""
    first, second = alice.ask(session, "one"), alice.ask(session, "two")
    return {"session": session.pk, "message": first.message.parent_id, "run": second.pk}


@pytest.mark.parametrize(("method", "path", "body"), ENDPOINTS)
def test_what_is_another_users_is_404_and_untouched(asked, bob, charlie, method, path, body):  # B55, B38
    before = everything()
    for other in (bob, charlie):
        assert_problem(request(other, method, path, body, asked), 404, "not_found")
    assert everything() == before


@pytest.mark.parametrize(("method", "path", "body"), ENDPOINTS)
def test_what_does_not_exist_is_404(alice, method, path, body):
    for unknown in (uuid4(), "not-an-id", "0"):
        named = dict.fromkeys(("session", "message", "run"), unknown)
        assert_problem(request(alice, method, path, body, named), 404, "not_found")


@pytest.mark.parametrize(("method", "path", "body"), [("post", "sessions", {}), *ENDPOINTS])
def test_without_a_token_the_answer_is_401(asked, nobody, method, path, body):
    before = everything()
    response = request(nobody, method, path, body, asked)
    assert_problem(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"] == "Bearer"
    assert everything() == before


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


@pytest.mark.parametrize("value", ["later", "", None, 5, ["reject"]])
def test_an_unknown_when_busy_is_refused(alice, asked, value):
    body = {"text": "hello", "when_busy": value}
    assert_problem(alice.post(f"sessions/{asked['session']}/messages", body), 422, "invalid")


def test_a_wrong_address_tells_a_stranger_nothing_about_which_addresses_exist(nobody):
    assert_problem(nobody.get("no/such/place"), 401, "not_authenticated")


@pytest.mark.parametrize("path", ["", "no/such/place", "sessions/", "runs"])
def test_a_wrong_address_is_404_in_json(alice, path):
    assert_problem(alice.get(path), 404, "not_found")


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
    [("get", "sessions"), ("get", "runs/{id}/stop"), ("post", "runs/{id}"), ("post", "runs/{id}/events")],
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


def test_every_endpoint_was_asked():
    from chatapp.api.urls import urlpatterns

    named = dict.fromkeys(("session", "message", "run"), uuid4())
    views = {(method, resolve(f"/api/v1/{path.format(**named)}").url_name) for method, path, _ in ENDPOINTS}
    served = {(method, pattern.name) for pattern in urlpatterns for method in _methods(pattern)}
    assert views | {("post", "sessions")} == served


def _methods(pattern):
    """What an address takes; the stream of a run is a function, and takes GET."""
    view = getattr(pattern.callback, "cls", None)
    return ["get"] if view is None else [m for m in ("get", "post", "put", "patch", "delete") if hasattr(view, m)]
