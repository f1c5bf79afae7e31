"""A send that is repeated, refused because of another, or one too many."""

import pytest

from chatapp.chats.models import Message, Role, Session
from runs.models import Run
from tests.api.conftest import a_model
from tests.api.test_errors import assert_problem

KEY = {"Idempotency-Key": "0b5e"}


def send(alice, session, text="hello", headers=KEY, **values):
    return alice.post(f"sessions/{session.pk}/messages", {"text": text} | values, headers=headers)


def test_a_repeated_request_gets_the_first_answer_and_adds_nothing(alice, session, model):  # B21
    first, again = send(alice, session), send(alice, session)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert first["Location"] == again["Location"]
    assert Run.objects.count() == 1
    assert Message.objects.filter(role=Role.USER).count() == 1


@pytest.mark.parametrize("other", [{"text": "Hello"}, {"model": "other"}, {"when_busy": "replace"}])
def test_a_key_of_another_request_is_refused(alice, session, model, other):  # B21
    a_model(name="other")
    send(alice, session)
    assert_problem(send(alice, session, **other), 422, "idempotency_key_reused")
    assert Run.objects.count() == 1


def test_the_first_answer_outlives_edits_limits_and_models(alice, session, model, settings):  # B21
    alice.ask(session, "one")
    first = send(alice, session, "two").json()["run"]["id"]
    alice.patch(f"runs/{first}/waiting", {"text": "two, better"})
    settings.USER_MAX_RUNS = 1
    model.delete()
    again = send(alice, session, "two")
    assert (again.status_code, again.json()["run"]["id"]) == (202, first)
    assert again.json()["message"]["content"] == "two, better"


def test_a_key_counts_within_its_session(alice, session, model):  # B21
    other = Session.objects.create(owner=alice.user)
    runs = {send(alice, where).json()["run"]["id"] for where in (session, other)}
    assert len(runs) == 2


@pytest.mark.parametrize("key", ["k" * 65, "a\x00b"])
def test_a_key_that_can_not_be_kept_is_refused(alice, session, model, key):
    response = send(alice, session, headers={"Idempotency-Key": key})
    assert_problem(response, 422, "invalid")
    assert list(response.json()["fields"]) == ["Idempotency-Key"]
    assert not Run.objects.exists()


def test_a_rejected_send_names_the_run_that_is_in_the_way(alice, session, model):  # B20
    first = alice.ask(session, "one", when_busy="reject")
    response = send(alice, session, "two", when_busy="reject")
    assert_problem(response, 409, "session_busy")
    assert response.json()["run"] == str(first.pk)
    assert not Message.objects.filter(content="two").exists()
    # It should leave the key free for the next try.
    alice.post(f"runs/{first.pk}/stop")
    assert send(alice, session, "two", when_busy="reject").status_code == 202


def test_whoever_sends_too_fast_is_told_when_to_come_back(alice, session, model, settings):  # B57
    settings.USER_MAX_SENDS = 2
    first = alice.ask(session, "one")
    alice.ask(session, "two")
    asking = [
        (f"sessions/{session.pk}/messages", {"text": "three"}),
        (f"runs/{first.pk}/again", {}),
        (f"messages/{first.message.parent_id}/edit", {"text": "three"}),
    ]
    for path, body in asking:
        response = alice.post(path, body)
        assert_problem(response, 429, "too_many_sends")
        assert 0 < int(response["Retry-After"]) <= 60
    assert Run.objects.count() == 2


def test_too_many_answers_on_their_way_are_refused_until_one_has_ended(alice, session, model, settings):  # B57
    settings.USER_MAX_RUNS = 2
    first, _ = alice.ask(session, "one"), alice.ask(session, "two")
    response = alice.post(f"sessions/{session.pk}/messages", {"text": "three"})
    assert_problem(response, 429, "too_many_runs")
    assert "Retry-After" not in response  # nobody knows when
    alice.post(f"runs/{first.pk}/stop")
    alice.ask(session, "three")


def test_one_persons_limit_is_not_anothers(alice, bob, session, model, settings):  # B57
    settings.USER_MAX_RUNS = settings.USER_MAX_SENDS = 1
    alice.ask(session, "one")
    bob.ask(Session.objects.create(owner=bob.user), "one")
