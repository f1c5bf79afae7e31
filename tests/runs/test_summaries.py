"""A new chat that begins with a summary of another one, which a run of its own writes (B66)."""

import pytest

from chatapp.chats.models import Message, Role, Session
from runs import actions
from runs.errors import NothingToContinue
from runs.models import Run
from runs.upstream.context.trimming import gap_text
from runs.upstream.request import build_request


def talk(session: Session, exchanges: int, characters: int = 20) -> None:
    parent = session.tip
    for number in range(exchanges):
        for role in (Role.USER, Role.ASSISTANT):
            content = f"{role[0]}{number} ".ljust(characters, "x")
            parent = Message.objects.create(session=session, parent=parent, role=role, content=content)
    session.tip = parent
    session.save(update_fields=["tip"])


def sent_for(run: Run) -> list[str]:
    run = Run.objects.select_related("session", "model__provider", "message").get(pk=run.pk)
    return [message["content"].split("x")[0].strip() for message in build_request(run).payload["messages"]]


@pytest.fixture
def summary(session, model, alice):
    """`summary(exchanges)`: the run that summarizes a chat of so many."""

    def summary(exchanges: int) -> Run:
        talk(session, exchanges)
        Session.objects.filter(pk=session.pk).update(system_prompt="Be brief.", title="Birds", model=model.name)
        session.refresh_from_db()
        return actions.go_on_with_summary(session, user=alice)

    return summary


def test_a_new_chat_begins_with_a_summary_of_the_old_one(summary, session, alice):
    run = summary(2)
    assert run.session_id != session.pk and run.session.owner == alice and run.session.title == "Birds"
    assert sent_for(run) == ["Be brief.", "u0", "a0", "u1", "a1", actions.SUMMARY_QUESTION.split("x")[0].strip()]
    assert Session.objects.get(pk=session.pk).messages.count() == 4


def test_what_follows_leads_from_the_summary_and_not_from_the_old_chat(summary, send):
    run = summary(2)
    Message.objects.filter(pk=run.message_id).update(content="A summary")
    next_run = send("And now?", to=run.session)
    Message.objects.filter(pk=next_run.message.parent_id).update(parent=run.message)
    assert sent_for(next_run)[2:] == ["A summary", "And now?"]


def test_the_middle_of_what_is_summarized_is_left_out_if_it_does_not_fit(summary, model):
    model.context_window = 1_024
    model.save(update_fields=["context_window"])
    run = summary(200)
    sent, left_out = sent_for(run), Run.objects.get(pk=run.pk).left_out
    assert left_out > 300
    assert sent[:3] == ["Be brief.", "u0", gap_text(left_out)] and sent[-2] == "a199"


def test_a_summary_stays_when_the_middle_of_its_chat_is_left_out(summary, send, model):
    run = summary(1)
    Message.objects.filter(pk=run.message_id).update(content="A summary")
    run.session.tip = run.message
    talk(run.session, 200)
    next_run = send("And now?", to=run.session)
    Message.objects.filter(pk=next_run.message.parent_id).update(parent=run.session.tip)
    model.context_window = 1_024
    model.save(update_fields=["context_window"])
    sent = sent_for(next_run)
    left_out = Run.objects.get(pk=next_run.pk).left_out
    assert sent[2] == f"A summary\n\n{gap_text(left_out)}" and sent[-1] == "And now?"


def test_an_empty_chat_has_nothing_to_summarize(session, model, alice):
    with pytest.raises(NothingToContinue):
        actions.go_on_with_summary(session, user=alice)
    assert Session.objects.count() == 1


def test_a_summary_is_written_again_although_the_old_chat_is_gone(summary, session, alice):
    run = summary(2)
    actions.delete_session(session, by=alice)
    assert len(sent_for(run)) == 2
