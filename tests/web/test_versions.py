"""Versions of a question or an answer: each keeps what followed it, and one is shown."""

import re

import pytest
from django.urls import reverse

from chatapp.chats.models import Message
from runs.lifecycle import transitions
from runs.models import Model, Run
from runs.queries.branches import path

SCRIPT = {"headers": {"X-Requested-With": "fetch"}}


def page_of(browser, run) -> str:
    return browser.get(f"/chats/{run.session_id}").content.decode()


def newest() -> Run:
    return Run.objects.latest("queued_at")


def shown(run) -> list[str]:
    run.session.refresh_from_db()
    return [message.content for message in path(run.session)]


@pytest.fixture
def complete(ask, write):
    run = write(ask("First"), "One")
    transitions.complete(run.id, "stop")
    return run


@pytest.fixture
def two_answers(browser, complete, write):
    browser.post(f"/messages/{complete.message_id}/again")
    second = write(newest(), "Two")
    transitions.complete(second.id, "stop")
    return complete, second


def test_an_answer_written_anew_can_be_left_and_found_again(browser, two_answers):
    first, second = two_answers
    page = page_of(browser, first)
    assert "</span>2/2</span>" in page
    assert f'formaction="/messages/{first.message_id}/branch" aria-label="Previous version"' in page
    assert browser.post(f"/messages/{first.message_id}/branch").url == f"/chats/{first.session_id}#end"
    page = page_of(browser, first)
    assert ">One</div>" in page
    assert ">Two</div>" not in page
    assert f'formaction="/messages/{second.message_id}/branch" aria-label="Next version"' in page


def test_a_branch_is_shown_to_its_newest_end(browser, two_answers, ask, write):
    first, second = two_answers
    later = write(ask("And then?", session=first.session), "Later")
    transitions.complete(later.id, "stop")
    browser.post(f"/messages/{first.message_id}/branch")
    assert shown(first) == ["First", "One"]
    browser.post(f"/messages/{second.message_id}/branch")
    assert shown(first) == ["First", "Two", "And then?", "Later"]


def test_an_edited_question_is_another_version_with_its_own_answer(browser, complete, write):  # B40
    question = complete.message.parent_id
    response = browser.post(f"/messages/{question}/edit", {"text": "Asked\r\notherwise"})
    assert response.url == f"/chats/{complete.session_id}#end"
    write(newest(), "Another answer")
    assert shown(complete) == ["First", "One"] or shown(complete)[0] == "Asked\notherwise"
    page = page_of(browser, complete)
    assert "Asked\notherwise" in page
    assert "</span>2/2</span>" in page
    browser.post(f"/messages/{question}/branch")
    assert shown(complete) == ["First", "One"]


def test_an_edit_sent_twice_is_one_message(browser, complete):  # B22
    for _ in range(2):
        browser.post(f"/messages/{complete.message.parent_id}/edit", {"text": "Asked otherwise"})
    assert Message.objects.filter(content="Asked otherwise").count() == 1


@pytest.mark.parametrize("text", ["", " ", "x" * 100_001])
def test_an_edit_that_cannot_be_sent_changes_nothing_and_says_why(browser, complete, text):
    url = f"/messages/{complete.message.parent_id}/edit"
    assert browser.post(url, {"text": text}).status_code == 422
    assert "The message is" in browser.post(url, {"text": text}, **SCRIPT).json()["message"]
    assert Message.objects.count() == 2


def test_what_waits_in_the_queue_is_no_version_of_the_first_question(browser, ask, write):
    run = write(ask("First"), "Some")
    ask("Waits", session=run.session)
    page = page_of(browser, run)
    assert 'class="versions"' not in page


def test_an_answer_on_a_branch_that_is_not_shown_is_told_of(browser, two_answers, ask, write):
    first, _ = two_answers
    running = write(ask("And then?", session=first.session), "Some")
    browser.post(f"/messages/{first.message_id}/branch")
    page = page_of(browser, first)
    assert "Another version is being written." in page
    assert f'data-elsewhere="{running.pk}" data-seq="3"' in page
    assert f'formaction="/runs/{running.pk}/stop"' in page
    assert browser.post(f"/messages/{running.message_id}/branch").status_code == 302
    assert "Another version is being written." not in page_of(browser, first)


def test_regenerate_asks_the_model_that_answered_and_offers_the_others(browser, complete, model):
    assert "Other model" not in page_of(browser, complete)
    other = Model.objects.create(name="other", label="Other", provider=model.provider, upstream_id="o")
    chosen = re.search(r'href="([^"]*)"[^>]* data-other-model="([^"]*)">', page_of(browser, complete))
    assert chosen.groups() == tuple(reverse(name, args=[complete.message_id]) for name in ("other_model", "again"))
    form = browser.get(chosen[1]).content.decode()
    assert f'action="{chosen[2]}"' in form and '<option value="other">Other</option>' in form
    browser.post(f"/messages/{complete.message_id}/again", {"model": "other"})
    assert newest().model == other
    transitions.stop(newest().id)
    answer = newest().message_id
    browser.post(f"/messages/{complete.message_id}/again")
    assert newest().model == model
    transitions.stop(newest().id)
    browser.post(f"/messages/{answer}/again")
    assert newest().model == other
