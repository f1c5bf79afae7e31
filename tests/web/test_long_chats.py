"""A chat that its model cannot read at once: the page says what was left out, and offers a new chat (B66)."""

import re

from chatapp.chats.models import Session
from runs.actions import SUMMARY_QUESTION
from runs.errors import UpstreamContextTooLong
from runs.lifecycle import transitions
from runs.models import Run

BUTTON = re.compile(r'<button [^>]*form="leave" formaction="([^"]+)">Start a new chat with a summary</button>')


def answer(ask, write, left_out: int) -> Run:
    run = write(ask("First"), "All of it")
    Run.objects.filter(pk=run.pk).update(left_out=left_out)
    transitions.complete(run.id, "stop")
    return run


def page_of(browser, run) -> str:
    return browser.get(f"/chats/{run.session_id}").content.decode()


def test_the_page_says_how_many_messages_were_not_sent(browser, ask, write):
    assert "12 earlier messages were not sent" in page_of(browser, answer(ask, write, 12))
    assert "1 earlier message was not sent" in page_of(browser, answer(ask, write, 1))
    assert "not sent" not in page_of(browser, answer(ask, write, 0))


def test_an_answer_that_is_being_written_says_so_too(browser, ask, write):
    run = write(ask("First"), "All of")
    Run.objects.filter(pk=run.pk).update(left_out=12)
    assert "12 earlier messages were not sent" in page_of(browser, run)


def test_a_new_chat_starts_with_a_summary(browser, ask, write):
    run = answer(ask, write, 12)
    [address] = BUTTON.findall(page_of(browser, run))
    reply = browser.post(address)
    following = Session.objects.latest("created_at")
    assert reply.status_code == 302 and str(following.pk) in reply.url
    assert following.summary_of_id == run.session_id
    assert following.messages.first().content == SUMMARY_QUESTION


def test_a_refused_length_offers_it_as_well(browser, ask, write):
    run = write(ask("First"))
    transitions.fail(run.id, UpstreamContextTooLong("HTTP 400: too long"))
    assert len(BUTTON.findall(page_of(browser, run))) == 1


def test_a_chat_without_messages_has_no_summary(browser, alice):
    session = Session.objects.create(owner=alice)
    reply = browser.post(f"/chats/{session.pk}/summary")
    assert reply.status_code == 422 and Session.objects.count() == 1
