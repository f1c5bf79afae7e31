"""Regenerate, retry and continue: what is shown is the path to the session's tip."""

import pytest

from chatapp.chats.models import Message, Session
from runs.actions import edit_and_send
from runs.errors import UpstreamUnreachable
from runs.lifecycle import transitions
from runs.lifecycle.start import start_next
from runs.models import Model, Run
from runs.queries.branches import path
from runs.states import LostReason, Status
from streams.events import Kind
from streams.log import store

SCRIPT = {"headers": {"X-Requested-With": "fetch"}}


def page_of(browser, run) -> str:
    return browser.get(f"/chats/{run.session_id}").content.decode()


def newest() -> Run:
    return Run.objects.latest("queued_at")


@pytest.fixture
def stopped(ask, write):
    run = write(ask("First"), "Half of")
    transitions.stop(run.id)
    return run


@pytest.fixture
def complete(ask, write):
    run = write(ask("First"), "All of it")
    transitions.complete(run.id, "stop")
    return run


OFFERED = {
    "complete": (lambda run: transitions.complete(run.id, "stop"), ["Regenerate"]),
    "cut off": (lambda run: transitions.complete(run.id, "length"), ["Continue", "Regenerate"]),
    "stopped": (lambda run: transitions.stop(run.id), ["Continue", "Regenerate"]),
    "failed": (lambda run: transitions.fail(run.id, UpstreamUnreachable()), ["Retry"]),
    "lost": (lambda run: transitions.lose(run.id, LostReason.LEASE), ["Continue", "Retry"]),
}


@pytest.mark.parametrize(("end", "offered"), OFFERED.values(), ids=OFFERED)
def test_what_is_offered_for_an_answer_depends_on_how_it_ended(browser, ask, write, end, offered):  # B39
    run = write(ask(), "Half of")
    end(run)
    page = page_of(browser, run)
    assert [word for word in ("Continue", "Regenerate", "Retry") if f">{word}</span></button>" in page] == offered


def test_without_a_word_there_is_nothing_to_continue(browser, ask):  # B39
    run = ask()
    transitions.stop(run.id)
    page = page_of(browser, run)
    assert ">Continue</span></button>" not in page
    assert ">Regenerate</span></button>" in page


def test_regenerate_shows_the_new_answer_in_the_place_of_the_old_one(browser, complete, write):
    response = browser.post(f"/messages/{complete.message_id}/again")
    assert response.url == f"/chats/{complete.session_id}#end"
    write(newest(), "Something else")
    page = page_of(browser, complete)
    assert page.count("<article") == 2
    assert "Something else" in page
    assert "All of it" not in page
    assert Message.objects.get(pk=complete.message_id).content == "All of it"  # the old branch stays


def test_the_script_gets_the_transcript_from_the_question_on(browser, complete):
    form = {"after": str(complete.message.parent_id)}
    part = browser.post(f"/messages/{complete.message_id}/again", form, **SCRIPT).content.decode()
    assert f'data-after="{complete.message.parent_id}"' in part
    assert part.count("<article") == 1
    assert f'data-stream="{newest().pk}"' in part


def test_another_model_may_be_asked(browser, complete, model):
    other = Model.objects.create(name="other", label="Other", provider=model.provider, upstream_id="o")
    browser.post(f"/messages/{complete.message_id}/again", {"model": "other"})
    assert newest().model == other


def test_a_model_that_was_switched_off_is_in_nobody_s_way(browser, complete, model):
    """Retry said that the model is not available, and without JavaScript no other one could be chosen for it."""
    other = Model.objects.create(name="other", label="Other", provider=model.provider, upstream_id="o")
    Model.objects.filter(pk=model.pk).update(enabled=False)
    browser.post(f"/messages/{complete.message_id}/again")
    assert newest().model == other


def test_a_second_click_asks_for_nothing_more(browser, complete):  # B22
    for _ in range(2):
        assert browser.post(f"/messages/{complete.message_id}/again").status_code == 302
    assert Run.objects.count() == 2


def test_regenerating_an_earlier_answer_leaves_what_followed_on_its_branch(browser, complete, ask, write):  # B40
    later = write(ask("Second", session=complete.session), "Later")
    transitions.complete(later.id, "stop")
    part = browser.post(f"/messages/{complete.message_id}/again", {"after": str(later.message.parent_id)}, **SCRIPT)
    assert 'data-after=""' in part.content.decode()  # what the script shows last is not shown any more: the whole
    page = page_of(browser, complete)
    assert page.count("<article") == 2
    assert "Second" not in page
    assert Message.objects.count() == 5


def test_regenerating_in_mid_run_stops_the_run_and_follows_both(browser, complete, ask, write):  # B17 B40
    running = write(ask("Second", session=complete.session), "Some")
    browser.post(f"/messages/{complete.message_id}/again")
    running.refresh_from_db()
    assert running.stop_reason == "replaced"
    page = page_of(browser, complete)  # until the partial is saved the running one is shown
    assert f'data-stream="{running.pk}"' in page
    assert f'data-queued="{newest().pk}" hidden' in page
    transitions.stop(running.id)
    start_next(running.session_id)  # as on commit
    page = page_of(browser, complete)  # no worker has begun the new one yet
    assert f'data-stream="{newest().pk}"' in page
    assert "Second" not in page
    assert page.count("<article") == 2


def test_continue_lets_the_same_message_grow(browser, stopped, write):  # B39
    browser.post(f"/messages/{stopped.message_id}/continue")
    run = newest()
    assert (run.message_id, run.is_continuation) == (stopped.message_id, True)
    waiting = page_of(browser, stopped)
    assert ">Half of</div>" in waiting
    assert f'data-continued data-stream="{run.pk}" data-seq="1"' in waiting
    write(run, " the whole")
    assert ">Half of the whole</div>" in page_of(browser, stopped)
    transitions.complete(run.id, "stop")
    assert ">Half of the whole</div>" in page_of(browser, stopped)


def test_only_the_last_answer_is_continued(browser, stopped, ask, write):
    later = write(ask("Second", session=stopped.session), "Later")
    transitions.complete(later.id, "stop")
    response = browser.post(f"/messages/{stopped.message_id}/continue")
    assert response.status_code == 422
    assert Run.objects.count() == 2
    told = browser.post(f"/messages/{stopped.message_id}/continue", **SCRIPT)
    assert told.json()["code"] == "not_final"


@pytest.mark.parametrize("act", ["again", "continue"])
def test_a_question_is_not_written_anew(browser, stopped, act):
    assert browser.post(f"/messages/{stopped.message.parent_id}/{act}").status_code == 404


def test_too_many_answers_at_once_are_refused_with_a_sentence(browser, complete, ask, settings):  # B57
    settings.USER_MAX_RUNS = 1
    ask("Elsewhere")
    response = browser.post(f"/messages/{complete.message_id}/again")
    assert response.status_code == 422
    assert "You have too many answers in progress." in response.content.decode()


def test_an_edited_question_takes_the_place_of_the_old_one(browser, complete, alice):  # B40
    edit_and_send(complete.message.parent, "Asked otherwise", user=alice)
    page = page_of(browser, complete)
    assert "Asked otherwise" in page
    assert "First" not in page.partition("<main")[2]
    assert page.count("<article") == 2


def test_a_session_without_a_tip_shows_the_path_to_its_newest_message(complete, ask):
    waits = ask("Second", session=complete.session)
    Session.objects.filter(pk=complete.session_id).update(tip=None)
    session = Session.objects.get(pk=complete.session_id)
    assert [message.content for message in path(session)] == ["First", "All of it", "Second", ""]
    Run.objects.filter(pk=waits.pk).update(task_id=None)
    Message.objects.filter(pk=waits.message.parent_id).update(state="waiting", parent=None)
    assert [message.content for message in path(session)] == ["First", "All of it"]


def test_while_the_model_is_busy_the_page_says_that_it_is_tried_again(browser, ask, write):  # B15
    run = write(ask())
    store.append(run.id, (Kind.RETRYING, {"code": "upstream_unavailable", "seconds": 1.0}))
    page = page_of(browser, run)
    assert 'data-state="retrying"' in page
    assert "The model is busy, trying again…" in page
    store.append(run.id, (Kind.TEXT, {"text": "At last"}))
    assert 'data-state="answering"' in page_of(browser, run)
    assert run.status == Status.RUNNING
