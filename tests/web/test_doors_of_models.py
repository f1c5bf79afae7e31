"""A model of a group through every door: its members ask it, to everyone else it does not exist."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from chatapp.accounts.models import Token
from chatapp.chats.models import Session
from chatapp.compare.models import Comparison
from chatapp.schedules.models import Schedule
from runs.actions import send
from runs.lifecycle import transitions
from runs.models import Model, Run

pytestmark = pytest.mark.one_database

NAME = "lab/secret:1"
QUESTION = {"prompt": "Which tree?", "contenders": [{"model": NAME}, {"model": "model"}]}
SCHEDULE = {"name": "Morning", "prompt": "What is new?", "kind": "daily", "at": "08:00", "zone": "UTC", "model": NAME}
FORM = SCHEDULE | {"target": "new", "missed": "run", "overlap": "skip", "notify": "all"}
ROWS = {"c-TOTAL_FORMS": "6", "c-INITIAL_FORMS": "0", "c-0-model": NAME, "c-1-model": "model", "prompt": "Which tree?"}
RESPONSE = {"input": "Hello", "model": NAME, "background": True}

PAGES = {  # what a form posts
    "a new chat": ("/chats", {"text": "Hello", "model": NAME}),
    "a message": ("/chats/{session}/messages", {"text": "Hello", "model": NAME}),
    "an edited message": ("/messages/{question}/edit", {"text": "Hello?", "model": NAME}),
    "again, by another model": ("/messages/{answer}/again", {"model": NAME}),
    "a comparison": ("/compare", ROWS | {"order": "parallel"}),
    "a schedule": ("/schedules/new", FORM),
}
PROGRAMS = {  # what a program posts, and the status that refuses it
    "a message": ("/api/v1/sessions/{session}/messages", {"text": "Hello", "model": NAME}, 422),
    "an edited message": ("/api/v1/messages/{question}/edit", {"text": "Hello?", "model": NAME}, 422),
    "again, by another model": ("/api/v1/runs/{run}/again", {"model": NAME}, 422),
    "a session": ("/api/v1/sessions", {"model": NAME}, 422),
    "a comparison": ("/api/v1/compare", QUESTION, 422),
    "a schedule": ("/api/v1/schedules", SCHEDULE, 422),
    "a response": ("/v1/responses", RESPONSE, 404),
}
LISTS = [
    "/api/v1/models",
    "/v1/models",
    "/",
    "/compare",
    "/schedules/new",
    "/settings",
    "/messages/{answer}/other-model",
]


@pytest.fixture
def secret(model):
    secret = Model.objects.create(name=NAME, label="Secret", provider=model.provider, upstream_id="s")
    secret.groups.add(Group.objects.create(name="Research"))
    return secret


@pytest.fixture
def cast(secret, alice, bob, log_in):
    """`cast(name)`: this user's browser, with a token too, and the names of what is theirs. Alice is a member."""
    alice.groups.add(Group.objects.get())

    def cast_(name: str) -> tuple[Client, dict[str, object]]:
        user = {"alice": alice, "bob": bob}[name]
        run = send(Session.objects.create(owner=user), "Why?", user=user)
        transitions.stop(run.pk)
        theirs = {"session": run.session_id, "run": run.pk, "answer": run.message_id}
        browser = log_in(user)
        browser.defaults["HTTP_AUTHORIZATION"] = f"Bearer {Token.objects.create(user)[1]}"
        return browser, theirs | {"question": run.message.parent_id}

    return cast_


def places_of(secret: Model) -> int:
    """How many rows lead to the model."""
    return (
        Run.objects.filter(model=secret).count()
        + Session.objects.filter(model=secret.name).count()
        + Schedule.objects.filter(model=secret.name).count()
        + Comparison.objects.count()
    )


@pytest.mark.parametrize("door", PAGES)
def test_a_page_asks_it_for_members_only(cast, secret, door):  # B55
    for name, is_member in (("bob", False), ("alice", True)):
        browser, theirs = cast(name)
        path, form = PAGES[door]
        response = browser.post(path.format(**theirs), form)
        assert (places_of(secret) > 0) == is_member, response.status_code
        assert is_member or "Secret" not in response.text


@pytest.mark.parametrize("door", PROGRAMS)
def test_a_program_asks_it_for_members_only(cast, secret, door):  # B55
    for name, is_member in (("bob", False), ("alice", True)):
        browser, theirs = cast(name)
        path, body, status = PROGRAMS[door]
        response = browser.post(path.format(**theirs), body, content_type="application/json")
        assert response.status_code < 300 if is_member else response.status_code == status, response.text
        assert (places_of(secret) > 0) == is_member
        assert is_member or "Secret" not in response.text


@pytest.mark.parametrize("path", LISTS)
def test_it_is_listed_for_members_only(cast, path):  # B55
    for name, is_member in (("bob", False), ("alice", True)):
        browser, theirs = cast(name)
        text = browser.get(path.format(**theirs)).text
        assert ("Secret" in text or NAME in text) == is_member


@pytest.mark.parametrize("action", ["again", "continue"])
def test_an_answer_is_not_gone_on_with_by_a_model_that_was_taken_away(cast, secret, alice, action):  # B54
    browser, theirs = cast("alice")
    Run.objects.filter(pk=theirs["run"]).update(model=secret)
    Session.objects.update(model=NAME)
    alice.groups.clear()
    assert browser.post(f"/api/v1/runs/{theirs['run']}/{action}", {}, "application/json").status_code == 422
    browser.post(f"/messages/{theirs['answer']}/{action}")
    assert not Run.objects.exclude(pk=theirs["run"]).filter(model=secret).exists()
