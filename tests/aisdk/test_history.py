"""What a page holds beside the message that it sends: used, or refused, and never ignored."""

import json

import pytest

from chatapp.chats.models import Message, MessageState, Role, Session
from runs.lifecycle import transitions
from runs.models import Run
from runs.states import Status
from runs.upstream.request import build_request
from tests.aisdk.test_requests import Program, model  # noqa: F401  (a fixture)


def say(role: str, text: str, id: str = "", **part) -> dict:
    return {"id": id or f"{role}-{text}"[:64], "role": role, "parts": [{"type": "text", "text": text} | part]}


@pytest.fixture
def alice(alice):
    return Program(alice)


def sent(alice, *messages: dict, status: int = 200, **values) -> list[tuple] | dict:
    """Role and content of what goes upstream; of a refused request the error."""
    response = alice.post(messages=list(messages), **values)
    assert response.status_code == status, response.content
    if status != 200:
        return response.json()
    run = Run.objects.select_related("session", "message", "model__provider").order_by("id").last()
    transitions.attach_to_branch(run.message)
    run.message.refresh_from_db()
    return [(message["role"], message["content"]) for message in build_request(run).payload["messages"]]


def finish(answer: str) -> str:
    """End the last run with this answer. The id of the answer's message."""
    run = Run.objects.order_by("id").last()
    transitions.stop(run.pk)
    Message.objects.filter(pk=run.message_id).update(content=answer, state=MessageState.COMPLETE)
    Run.objects.filter(pk=run.pk).update(status=Status.COMPLETED, reason="")
    return str(run.message_id)


def test_a_system_message_is_the_instruction_for_the_answer(alice):
    system = say("system", "Be brief.")
    assert sent(alice, system, say("user", "one")) == [("system", "Be brief."), ("user", "one")]
    finish("1")
    # It should be as the page has it each time, and no message of the chat.
    assert sent(alice, say("user", "one"), say("user", "two"))[0] == ("user", "one")
    assert set(Message.objects.values_list("role", flat=True)) == {Role.USER, Role.ASSISTANT}


def test_a_chat_that_is_new_begins_with_the_history_of_its_page(alice):
    history = [say("assistant", "Hello!"), say("user", "What is a wren?"), say("assistant", "A bird.")]
    contents = [content for _, content in sent(alice, *history, say("user", "Why?"))]
    assert contents == ["Hello!", "What is a wren?", "A bird.", "Why?"]
    answer = say("assistant", "So.", finish("So."))
    # It should know all of it again.
    assert len(sent(alice, *history, say("user", "Why?"), answer, say("user", "Thanks"))) == 6
    shown = alice.get("chat").json()["messages"]
    assert [message["parts"][-1]["text"] for message in shown[:3]] == ["Hello!", "What is a wren?", "A bird."]


def test_a_chat_does_not_begin_with_what_is_no_text(alice):
    picture = say("assistant", "Look", type="file")
    assert sent(alice, picture, say("user", "Hi"), status=409)["code"] == "history_mismatch"
    assert not Session.objects.exists()


def test_a_history_that_the_chat_does_not_have_is_refused(alice):
    sent(alice, say("user", "one"))
    answer = finish("It is 1.")
    first = say("user", "one")
    for held in (
        [say("user", "another", "user-one")],
        [first, say("assistant", "It is 2.", answer)],
        [first, say("assistant", "It is 1.", "unknown")],
        [first, say("assistant", "It is 1.", answer), say("user", "lost")],
    ):
        error = sent(alice, *held, say("user", "two"), status=409)
        assert (error["code"], error["retryable"]) == ("history_mismatch", False)
    assert Message.objects.count() == 2
    # It should take the beginning of an answer, and a page that shows less than all.
    for number, held in enumerate(([first, say("assistant", "It", answer)], [])):
        sent(alice, *held, say("user", f"{number}"))
        finish("…")


def test_a_page_that_shows_another_branch_is_told(alice):
    sent(alice, say("user", "one"))
    old = finish("1")
    sent(alice, say("user", "one"), trigger="regenerate-message", messageId=old)
    new = finish("uno")
    first = say("user", "one")
    assert sent(alice, first, say("assistant", "1", old), say("user", "two"), status=409)["code"] == "history_mismatch"
    sent(alice, first, say("assistant", "uno", new), say("user", "two"))
    finish("2")
    # An edited question keeps the name that its page knows it by.
    edited = say("user", "eins", "user-one")
    sent(alice, edited, messageId="user-one")
    last = finish("Ja")
    sent(alice, edited, say("assistant", "Ja", last), say("user", "zwei"))


def test_a_message_that_is_sent_again_gets_the_same_run_whatever_else_its_page_shows(alice):  # B21
    sent(alice, say("user", "one"))
    assert alice.post(messages=[say("user", "lost"), say("user", "one")]).status_code == 200
    assert Run.objects.count() == 1


def test_a_held_message_of_another_shape_is_invalid(alice):
    for wrong in ("hello", {"id": "a", "role": "tool", "parts": []}, {"id": "a", "role": "user", "parts": ["x"]}):
        response = alice.post(body=json.dumps({"id": "chat", "messages": [wrong, say("user", "Hi")]}))
        assert (response.status_code, response.json()["code"]) == (422, "invalid")
