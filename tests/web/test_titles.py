"""What an untitled session is called: by the question its reader sees first."""

import pytest

from chatapp.chats.actions import show_branch
from chatapp.chats.models import Session
from chatapp.chats.titles import title_of, with_opening
from runs.actions import edit_and_send, send
from runs.lifecycle import transitions
from runs.queries.export import file_name


@pytest.fixture
def answered(ask, write):
    """An untitled session whose first question has an answer, and whose second has too."""
    run = write(ask("My password is hunter2, is it good?"), "No.")
    transitions.complete(run.id, "stop")
    again = write(ask("Why?", session=run.session), "Because.")
    transitions.complete(again.id, "stop")
    return run


def title(run) -> str:
    return title_of(with_opening(Session.objects.filter(pk=run.session_id)).get())


def test_a_question_that_was_edited_away_names_nothing(answered, alice, write, browser):
    assert title(answered) == "My password is hunter2, is it good?"
    edited = edit_and_send(answered.message.parent, "Is a long password good?", user=alice)
    assert title(answered) == "Is a long password good?"  # though no worker has begun its answer
    transitions.complete(write(edited, "Yes.").id, "stop")
    session = with_opening(Session.objects.filter(pk=answered.session_id)).get()
    assert title_of(session) == "Is a long password good?"
    assert file_name(session, "md") == "is-a-long-password-good.md"
    token = "t" * 43
    Session.objects.filter(pk=session.pk).update(share_token=token)
    paths = ["/", f"/chats/{session.pk}", f"/chats/{session.pk}/share", f"/chats/{session.pk}/delete", "/search?q=long"]
    for path in (*paths, f"/shared/{token}", f"/chats/{session.pk}/export.md"):
        page = browser.get(path).content.decode()
        assert "Is a long password good?" in page.replace("<mark>", "").replace("</mark>", ""), path
        assert "hunter2" not in page, path


def test_the_branch_that_is_shown_again_names_it_again(answered, alice, write):
    edited = edit_and_send(answered.message.parent, "Something else", user=alice)
    transitions.complete(write(edited, "Yes.").id, "stop")
    show_branch(answered.message)
    assert title(answered) == "My password is hunter2, is it good?"


def test_an_edit_further_down_changes_nothing(answered, alice, write):
    second = answered.session.messages.get(content="Why?")
    transitions.complete(write(edit_and_send(second, "Why not?", user=alice), "So.").id, "stop")
    assert title(answered) == "My password is hunter2, is it good?"


def test_a_session_whose_first_question_waits_is_called_by_it(alice, model):
    run = send(alice.chat_sessions.create(), "  What \n is\tup?", user=alice)
    assert title(run) == "What is up?"
    assert title_of(with_opening(alice.chat_sessions.filter(pk=alice.chat_sessions.create().pk)).get()) == "New chat"


def test_a_title_wins(answered):
    Session.objects.filter(pk=answered.session_id).update(title="Passwords")
    assert title(answered) == "Passwords"
