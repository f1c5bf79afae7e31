"""An Idempotency-Key, wherever something is made or a run is started (B21)."""

import pytest

from chatapp.api.models import IdempotencyKey
from chatapp.chats.models import Session
from runs.lifecycle import transitions
from runs.models import Run
from tests.api.conftest import a_model
from tests.api.test_errors import assert_problem

KEY = {"Idempotency-Key": "0b5e"}


@pytest.fixture
def ended(alice, session, model):
    run = alice.ask(session, "one")
    transitions.stop(run.pk)
    return run


def asked_twice(person, path, body, again=None):
    return [person.post(path, each, headers=KEY) for each in (body, body if again is None else again)]


def test_a_session_is_made_once_and_told_as_it_is_now(alice):
    first = alice.post("sessions", {"title": "Birds"}, headers=KEY)
    alice.patch(f"sessions/{first.json()['id']}", {"title": "Bees"})
    again = alice.post("sessions", {"title": "Birds"}, headers=KEY)
    assert (again.status_code, again["Location"], again.json()["title"]) == (201, first["Location"], "Bees")
    assert Session.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [("runs/{run}/again", {}), ("runs/{run}/continue", None), ("messages/{question}/edit", {"text": "x"})],
)
def test_a_run_is_started_once(alice, ended, path, body):
    path = path.format(run=ended.pk, question=ended.message.parent_id)
    first, again = asked_twice(alice, path, body)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert first.status_code == 202 and Run.objects.count() == 2


def test_a_message_is_sent_now_once(alice, session, model):
    alice.ask(session, "one")
    waiting = alice.ask(session, "two")
    first, again = asked_twice(alice, f"runs/{waiting.pk}/send-now", None)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["run"]["id"] == again.json()["run"]["id"] == str(waiting.pk)


def test_a_key_of_another_body_is_refused_and_counts_for_one_address_and_one_user(alice, bob, ended):
    a_model(name="other")
    _, again = asked_twice(alice, f"runs/{ended.pk}/again", {}, {"model": "other"})
    assert_problem(again, 422, "idempotency_key_reused")
    ids = {person.post("sessions", {}, headers=KEY).json()["id"] for person in (alice, bob)}
    assert len(ids) == 2
    assert Run.objects.count() == 2


def test_a_refused_request_leaves_its_key_free(alice, session, model):
    run = alice.ask(session, "one")
    path = f"runs/{run.pk}/continue"
    assert_problem(alice.post(path, headers=KEY), 409, "not_final")
    transitions.stop(run.pk)
    assert alice.post(path, headers=KEY).status_code == 202


def test_what_was_made_and_deleted_is_not_made_again(alice):
    made = alice.post("sessions", {}, headers=KEY)
    alice.client.delete(made["Location"])
    assert_problem(alice.post("sessions", {}, headers=KEY), 410, "gone")
    assert not Session.objects.exists()


def test_keys_are_forgotten_after_a_while(alice, settings):
    alice.post("sessions", {}, headers=KEY)
    settings.IDEMPOTENCY_HOURS = 0
    assert alice.post("sessions", {}, headers=KEY).status_code == 201
    assert (Session.objects.count(), IdempotencyKey.objects.count()) == (2, 1)


@pytest.mark.parametrize("key", ["k" * 65, "a\x00b"])
def test_a_key_that_can_not_be_kept_is_refused(alice, key):
    assert_problem(alice.post("sessions", {}, headers={"Idempotency-Key": key}), 422, "invalid")
