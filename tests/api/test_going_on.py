"""What follows an answer: another one, its continuation, another question, the end of the session."""

import pytest

from chatapp.chats.models import Message, Session
from runs.lifecycle import transitions
from runs.models import Run
from runs.states import Trigger
from streams.events import Kind
from streams.log import store
from tests.api.conftest import a_model
from tests.api.test_errors import assert_problem


@pytest.fixture
def ended(alice, session, model):
    """A run that was stopped after two words."""
    run = alice.ask(session, "one")
    store.append(run.pk, (Kind.TEXT, {"text": "Once upon"}))
    transitions.stop(run.pk)
    return run


def accepted(response):
    assert response.status_code == 202, response.content
    run = Run.objects.select_related("message__parent", "model").get(pk=response.json()["run"]["id"])
    assert response["Location"] == f"/api/v1/runs/{run.pk}"
    assert response.json()["message"]["id"] == str(run.message.parent_id)
    assert run.trigger == Trigger.API
    return run


def test_another_answer_stands_beside_the_first(alice, ended):
    other = a_model()
    run = accepted(alice.post(f"runs/{ended.pk}/again", {"model": other.name}))
    assert (run.message.parent_id, run.model) == (ended.message.parent_id, other)
    assert run.message_id != ended.message_id
    # It should need no body at all.
    accepted(alice.post(f"runs/{ended.pk}/again", b""))


def test_an_answer_is_continued_in_the_same_message(alice, ended):  # B39
    run = accepted(alice.post(f"runs/{ended.pk}/continue"))
    assert run.message_id == ended.message_id
    assert run.pk != ended.pk


def test_an_answer_that_is_being_written_is_not_continued(alice, session, model):  # B39
    assert_problem(alice.post(f"runs/{alice.ask(session).pk}/continue"), 409, "not_final")


def test_another_question_makes_a_branch_and_keeps_the_first(alice, ended):  # B40
    other = a_model()
    body = {"text": "one, better", "model": other.name}
    run = accepted(alice.post(f"messages/{ended.message.parent_id}/edit", body))
    assert (run.message.parent.content, run.model) == ("one, better", other)
    assert Message.objects.get(pk=ended.message_id).content == "Once upon"


def test_an_answer_is_not_a_question_to_edit(alice, ended):
    assert_problem(alice.post(f"messages/{ended.message_id}/edit", {"text": "mine"}), 404, "not_found")


def test_a_session_is_read_and_deleted_with_all_that_is_in_it(alice, session, ended):  # B40
    assert alice.get(f"sessions/{session.pk}").json()["id"] == str(session.pk)
    alice.ask(session, "two")
    assert alice.delete(f"sessions/{session.pk}").status_code == 204
    assert not Session.objects.exists() and not Message.objects.exists() and not Run.objects.exists()
    assert_problem(alice.delete(f"sessions/{session.pk}"), 404, "not_found")
    assert_problem(alice.get(f"runs/{ended.pk}"), 404, "not_found")
