"""Making a session and sending a message."""

from chatapp.chats.models import Message, Role, Session
from runs.models import Run
from runs.states import Trigger


def test_a_session_belongs_to_whoever_makes_it(alice, model):
    response = alice.post("sessions", {"title": "Birds", "model": model.name})
    assert response.status_code == 201
    session = Session.objects.get(owner=alice.user)
    body = response.json()
    assert (body["id"], body["title"], body["model"]) == (str(session.pk), "Birds", model.name)


def test_a_session_needs_neither_title_nor_model(alice):
    assert alice.post("sessions").status_code == 201
    assert alice.post("sessions", b"").status_code == 201


def test_sending_answers_with_the_message_and_the_run_that_will_answer_it(alice, session, model):
    text = "  What is a wren?\n"
    response = alice.post(f"sessions/{session.pk}/messages", {"text": text, "model": model.name})
    assert response.status_code == 202
    body = response.json()
    # It should keep the text as it was typed.
    message = Message.objects.get(session=session, role=Role.USER)
    assert (body["message"]["id"], body["message"]["content"], message.content) == (str(message.pk), text, text)
    run = Run.objects.get(session=session)
    assert (run.trigger, run.model, run.message.parent) == (Trigger.API, model, message)
    assert body["run"]["id"] == body["run"]["stream"] == str(run.pk)
    assert (body["run"]["status"], body["run"]["last_seq"], body["run"]["text"]) == ("queued", 1, "")
    assert response["Location"] == f"/api/v1/runs/{run.pk}"


def test_without_a_model_the_sessions_own_is_asked(alice, model):
    session = Session.objects.create(owner=alice.user, model=model.name)
    assert alice.post(f"sessions/{session.pk}/messages", {"text": "hi"}).json()["run"]["model"] == model.name


def test_a_message_while_another_is_answered_waits_its_turn(alice, session, model):
    runs = [alice.post(f"sessions/{session.pk}/messages", {"text": text}).json()["run"] for text in ("one", "two")]
    assert [run["status"] for run in runs] == ["queued", "queued"]
    assert [Run.objects.get(pk=run["id"]).task_id is None for run in runs] == [False, True]
