"""Answers that were stopped or interrupted are continued: one pane, or all whose page was away for too long (B42)."""

import pytest
from django.urls import reverse
from django.utils import timezone

from chatapp.compare import actions, sequence
from chatapp.compare.errors import AlreadyVoted, NothingToResume, StillAnswering
from chatapp.compare.panes import views_of
from runs.lifecycle import attached, transitions
from runs.models import Run
from runs.states import LostReason, Status, Trigger
from runs.upstream.request import build_request


@pytest.fixture(autouse=True)
def broker(monkeypatch):
    """A broker that accepts everything and passes nothing on."""
    monkeypatch.setattr("runs.lifecycle.dispatch.start", lambda run_id, task_id: None)
    monkeypatch.setattr("runs.lifecycle.dispatch.revoke", lambda task_id: None)


@pytest.fixture
def leave(django_capture_on_commit_callbacks):
    """`leave(run)`: the run's page does not come back."""

    def leave_(*runs: Run) -> None:
        for run in runs:
            with django_capture_on_commit_callbacks(execute=True):
                assert attached.stop_unless_renewed(run.pk, attached.followed_until(run.pk)) is None
                transitions.interrupt(run.pk)

    return leave_


def status_of(pane) -> str:
    pane.refresh_from_db()
    return Run.objects.get(pk=pane.run_id).status


def is_started(pane) -> bool:
    pane.refresh_from_db()
    return Run.objects.filter(pk=pane.run_id, task_id__isnull=False).exists()


def test_an_answer_goes_on_where_it_ended_by_the_same_contender(compare, write, leave, models, alice):
    pane = compare().panes.first()
    before = write(pane, "The oak")
    leave(before)
    assert status_of(pane) == Status.STOPPED
    run = actions.resume(pane, by=alice)
    assert status_of(pane) == Status.QUEUED
    run.refresh_from_db()
    assert (run.message, run.model, run.trigger) == (before.message, before.model, Trigger.COMPARE)
    assert run.viewer_until > timezone.now()
    written = [message["content"] for message in build_request(run).payload["messages"]]
    assert written[:2] == ["Which tree?", "The oak"]
    transitions.complete(write(pane, " tree").id, "stop")
    assert views_of(pane.comparison)[0].text == "The oak tree"


def test_one_that_had_not_begun_begins(compare, leave, write, alice):
    pane = compare().panes.first()
    leave(pane.run)
    actions.resume(pane, by=alice)
    transitions.complete(write(pane, "The oak").id, "stop")
    assert views_of(pane.comparison)[0].text == "The oak"


def test_it_is_continued_once(compare, write, leave, alice):
    comparison = compare()
    pane = comparison.panes.first()
    leave(write(pane, "The oak"))
    actions.resume(pane, by=alice)
    with pytest.raises(StillAnswering):
        actions.resume(pane, by=alice)
    with pytest.raises(StillAnswering):
        actions.resume_all(comparison, by=alice)
    assert Run.objects.filter(session=pane.session).count() == 2


def test_all_are_those_that_nobody_stopped(compare, write, finish, leave, alice, django_capture_on_commit_callbacks):
    comparison = compare()
    left, lost, stopped = comparison.panes.all()
    leave(write(left, "a"))
    transitions.lose(write(lost, "b").pk, LostReason.LEASE)
    with django_capture_on_commit_callbacks(execute=True):
        actions.stop_pane(stopped, by=alice)
    actions.resume_all(comparison, by=alice)
    assert [status_of(pane) for pane in (left, lost, stopped)] == [Status.QUEUED, Status.QUEUED, Status.STOPPED]
    actions.resume(stopped, by=alice)
    assert status_of(stopped) == Status.QUEUED


def test_one_after_another_they_are_continued_so_too(compare, write, leave, alice, django_capture_on_commit_callbacks):
    comparison = compare(is_sequential=True)
    first, second, third = comparison.panes.all()
    leave(third.run, second.run, write(first, "a"))
    actions.resume_all(comparison, by=alice)
    assert [is_started(pane) for pane in (first, second, third)] == [True, False, False]
    with django_capture_on_commit_callbacks(execute=True):
        transitions.complete(write(first, "b").pk, "stop")
    assert [is_started(pane) for pane in (second, third)] == [True, False]
    transitions.complete(write(second, "c").pk, "stop")
    assert sequence.advance_all() == 1
    transitions.complete(write(third, "d").pk, "stop")
    assert [view.text for view in views_of(comparison)] == ["ab", "c", "d"]


def test_what_is_complete_closed_or_decided_is_not_continued(compare, finish, write, leave, alice):
    comparison = compare()
    done, closed, left = comparison.panes.all()
    transitions.complete(write(done, "a").pk, "stop")
    leave(write(left, "c"), closed.run)
    actions.close(closed, by=alice)
    for pane in (done, closed):
        with pytest.raises(NothingToResume):
            actions.resume(pane, by=alice)
    actions.vote(comparison, done.letter)
    with pytest.raises(AlreadyVoted):
        actions.resume(left, by=alice)
    with pytest.raises(AlreadyVoted):
        actions.resume_all(comparison, by=alice)


def test_the_page_offers_it_for_each_and_for_all_and_names_no_model(compare, write, leave, log_in, alice, models):
    comparison = compare()
    panes = list(comparison.panes.all())
    leave(*(write(pane, "a") for pane in panes))
    browser = log_in(alice)
    page = browser.get(reverse("comparison", args=[comparison.pk])).content.decode()
    for pane in panes:
        assert f'formaction="{reverse("resume_pane", args=[pane.pk])}"' in page
    assert f'formaction="{reverse("resume_all", args=[comparison.pk])}"' in page
    assert "3 answers stopped early." in page and page.count("lost its connection") == 3
    assert browser.post(reverse("resume_pane", args=[panes[0].pk])).status_code == 302
    answer = browser.post(reverse("resume_all", args=[comparison.pk]), headers={"X-Requested-With": "fetch"})
    assert answer.content.decode().count("data-continued") == 3
    refused = browser.post(reverse("resume_all", args=[comparison.pk]), headers={"X-Requested-With": "fetch"})
    assert (refused.status_code, refused.json()["code"]) == (409, "still_answering")
    shown = page + answer.content.decode()
    assert not [model.label for model in models if model.label in shown]
