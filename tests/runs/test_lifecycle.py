"""The moves between the states of a run: who wins, and what is written exactly once."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from chatapp.chats.models import Message, MessageState, Role, Session
from runs.errors import UpstreamFailed
from runs.lifecycle import queue, reaper, transitions
from runs.lifecycle.stop import request_stop
from runs.models import Run
from runs.states import ACTIVE, LostReason, Status, StopReason
from streams.events import Kind
from streams.log import store

ENDS = {
    Status.COMPLETED: lambda run: transitions.complete(run.id, "stop"),
    Status.STOPPED: lambda run: transitions.stop(run.id),
    Status.FAILED: lambda run: transitions.fail(run.id, UpstreamFailed("detail")),
    Status.LOST: lambda run: transitions.lose(run.id, LostReason.LEASE),
}


def _kinds(run: Run) -> list[str]:
    return [event.kind for event in store.read(run.id)]


def test_sending_writes_the_question_the_waiting_answer_and_the_first_event(send):  # B5
    run = send("Hello")
    assert (run.status, run.message.state) == (Status.QUEUED, MessageState.WAITING)
    assert (run.message.role, run.message.parent.content) == (Role.ASSISTANT, "Hello")
    assert _kinds(run) == [Kind.QUEUED]


def test_a_claim_is_for_the_task_the_run_was_given_and_only_once(send, claim, worker):  # B16
    run = send()
    assert transitions.claim(run.id, uuid4(), worker) is None
    assert claim(run).status == Status.RUNNING
    assert claim(run) is None
    assert _kinds(run) == [Kind.QUEUED, Kind.STARTED]


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
def test_the_first_end_wins_and_the_second_changes_nothing(send, claim, first, second):  # B8 B36
    run = claim(send())
    store.append(run.id, (Kind.TEXT, {"text": "so far"}), (Kind.USAGE, {"prompt_tokens": 1, "completion_tokens": 2}))
    assert ENDS[first](run)
    assert not ENDS[second](run)
    run.refresh_from_db()
    assert run.status == first
    assert Message.objects.get(pk=run.message_id).content == "so far"
    assert (run.last_seq, run.prompt_tokens, run.completion_tokens) == (5, 1, 2)
    assert run.started_at <= run.first_token_at <= run.finished_at
    assert len(_kinds(run)) == 5


def test_a_run_that_never_ran_can_not_complete(send):  # B8
    run = send()
    assert not transitions.complete(run.id, "stop")
    assert transitions.stop(run.id)


def test_an_interruption_is_a_stop_only_if_one_was_requested(send, claim, alice):  # B13 B41
    asked, unasked = claim(send()), None
    request_stop(asked, alice)
    assert transitions.interrupt(asked.id)
    asked.refresh_from_db()
    assert (asked.status, asked.stop_requested_by) == (Status.STOPPED, alice)
    unasked = claim(send())
    assert transitions.interrupt(unasked.id)
    unasked.refresh_from_db()
    assert (unasked.status, unasked.reason) == (Status.LOST, LostReason.INTERRUPTED)


def test_a_stop_requested_before_the_claim_is_applied_at_the_claim(send, claim, alice):  # B37
    run = send()
    Run.objects.filter(pk=run.pk).update(stop_requested_at=run.queued_at, stop_requested_by=alice)
    assert claim(run) is None
    run.refresh_from_db()
    assert run.status == Status.STOPPED


def test_only_one_run_of_a_session_can_run_and_the_loser_waits_again(send, claim):  # B16
    first, second = send("one"), send("two")
    assert first.task_id and not second.task_id
    Run.objects.filter(pk=second.pk).update(task_id=uuid4())  # as if two processes had dispatched at once
    assert claim(first).status == Status.RUNNING
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.filter(pk=second.pk).update(status=Status.RUNNING, started_at=first.queued_at)
    assert claim(second) is None
    second.refresh_from_db()
    assert (second.status, second.task_id) == (Status.QUEUED, None)


def test_the_next_queued_run_gets_its_task_when_the_first_has_ended(
    send, claim, django_capture_on_commit_callbacks
):  # B19
    first, second, third = send("one"), send("two"), send("three")
    claim(first)
    with django_capture_on_commit_callbacks() as callbacks:
        transitions.complete(first.id, "stop")
    for callback in callbacks:
        callback()
    for run in (second, third):
        run.refresh_from_db()
    assert second.task_id and not third.task_id


def test_the_reaper_ends_what_a_worker_without_lease_was_running(send, claim, expire, alice):  # B12
    other = Session.objects.create(owner=alice)
    lost, stopped = claim(send()), claim(send(to=other))
    request_stop(stopped, alice)
    assert reaper.reap() == 0
    expire()
    assert reaper.reap([uuid4()]) == 0
    assert reaper.reap() == 2
    for run in (lost, stopped):
        run.refresh_from_db()
    assert (lost.status, lost.reason, lost.retryable) == (Status.LOST, LostReason.LEASE, True)
    assert stopped.status == Status.STOPPED


def test_the_sweep_starts_a_queue_whose_starter_has_died(send):  # B19
    run, other = send(), send()
    Run.objects.update(task_id=None)
    assert reaper.start_stalled_queues() == 1
    run.refresh_from_db()
    assert run.task_id
    assert reaper.start_stalled_queues() == 0
    other.refresh_from_db()
    assert not other.task_id


def test_the_sweep_leaves_a_held_queue_alone(send):  # B19
    run = send()
    Run.objects.update(task_id=None)
    queue.hold(run.session_id)
    assert reaper.start_stalled_queues() == 0
    run.refresh_from_db()
    assert run.task_id is None


def test_a_stop_is_recorded_once_with_its_first_requester(send, claim, alice, charlie):  # B38
    run = claim(send())
    assert request_stop(run, alice) == "stopping"
    asked_at = Run.objects.get(pk=run.pk).stop_requested_at
    assert request_stop(run, charlie, StopReason.REPLACED) == "stopping"
    run.refresh_from_db()
    assert (run.stop_requested_by, run.stop_reason, run.stop_requested_at) == (alice, StopReason.USER, asked_at)


def test_nothing_is_announced_or_dispatched_before_the_commit(
    send, claim, monkeypatch, django_capture_on_commit_callbacks
):  # B1 B5
    """Each of these needs what was written: followers ask the log, a worker looks for the run."""
    done = []
    monkeypatch.setattr(transitions, "announce", lambda events: done.extend(event.kind for event in events))
    monkeypatch.setattr("runs.lifecycle.dispatch.start", lambda run_id, task_id: done.append("task"))
    monkeypatch.setattr("runs.lifecycle.dispatch.revoke", lambda task_id: done.append("revoke"))

    def after_commit(move) -> object:
        done.clear()
        with django_capture_on_commit_callbacks() as callbacks:
            result = move()
        assert done == [], "before the commit"
        for callback in callbacks:
            callback()
        return result

    run = after_commit(send)
    assert done == [Kind.QUEUED, "task"]
    after_commit(lambda: claim(run))
    assert done == [Kind.STARTED]
    after_commit(lambda: request_stop(run, None))
    assert done == ["revoke"]
    after_commit(lambda: transitions.stop(run.id))
    assert done == [Kind.STOPPED]


BROKEN = [
    {"status": "sleeping"},
    {"status": Status.COMPLETED},  # without finished_at
    {"status": Status.RUNNING, "task_id": None},
    {"status": Status.FAILED, "finished_at": "2026-01-01T00:00:00Z", "code": ""},
    {"status": Status.LOST, "finished_at": "2026-01-01T00:00:00Z", "reason": ""},
]


@pytest.mark.parametrize("values", BROKEN)
def test_the_database_refuses_impossible_rows(send, values):  # B8
    run = send()
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.filter(pk=run.pk).update(**values)


def test_a_stranger_sees_no_run(send, bob):  # B55
    run = send()
    assert not Run.objects.visible_to(bob).exists()
    assert Run.objects.visible_to(run.session.owner).get() == run


def test_every_state_is_active_or_final():
    assert set(ACTIVE) | set(ENDS) == set(Status)
