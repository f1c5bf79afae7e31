"""What happens when schedules are due: once, whatever comes in between."""

from datetime import UTC, datetime, time
from functools import partial

import pytest
from django.db import DatabaseError

from chatapp.chats.models import MessageState, News, Session
from chatapp.schedules import actions, firing
from chatapp.schedules.models import Kind, Missed, Notify, Occurrence, Overlap, Paused, Schedule, State, Target
from runs.actions import delete_session, send
from runs.errors import TooManyRuns
from runs.lifecycle import transitions
from runs.models import Model, Run
from runs.states import LostReason, Status, Trigger
from tests.schedules.reading import fail, last, states

pytestmark = pytest.mark.django_db


def test_nothing_happens_before_it_is_due(make, tick):
    schedule = make(every=60)
    assert tick(minutes=59) == 0
    assert tick(minutes=1) == 1
    assert tick(minutes=1) == 0
    assert states(schedule) == [State.RUNNING]


def test_what_was_paused_while_it_was_looked_for_does_not_start(make, clock):  # B53
    schedule = make(every=60)
    later = clock.forward(minutes=60)
    actions.pause(schedule)
    assert not firing.claim(schedule.pk, later)
    assert states(schedule) == []


def test_an_execution_is_an_ordinary_run_in_a_new_chat(make, tick, alice, end):  # B53
    schedule = make(every=60)
    tick(minutes=60)
    run = last(schedule).run
    assert (run.status, run.trigger, run.model.name) == (Status.QUEUED, Trigger.SCHEDULE, "model")
    assert run in Run.objects.visible_to(alice)
    assert run.message.parent.content == "What is the weather?"
    assert run.session.title == "Weather · 20 Nov 2026, 14:00"  # in its zone
    occurrence = end(last(schedule))
    assert (occurrence.state, occurrence.finished_at is not None) == (State.COMPLETED, True)
    tick(minutes=60)
    assert last(schedule).run.session_id != run.session_id


def test_a_schedule_with_a_chat_of_its_own_goes_on_in_it(make, tick, end):  # B53
    schedule = make(every=60, target=Target.SAME)
    tick(minutes=60)
    first = end(last(schedule)).run
    tick(minutes=60)
    second = end(last(schedule)).run
    assert first.session_id == second.session_id
    assert second.message.parent.parent_id == first.message_id

    # Should the chat be deleted, the next time begins another one
    delete_session(second.session, by=schedule.owner)
    tick(minutes=60)
    assert last(schedule).run.session_id != first.session_id


def test_the_same_time_is_never_claimed_twice(make, clock):  # B51
    schedule = make(every=60)
    now = clock.forward(minutes=61)
    before = Schedule.objects.get(pk=schedule.pk).next_at
    assert [firing.claim(schedule.pk, now), firing.claim(schedule.pk, now)] == [True, False]
    Schedule.objects.update(next_at=before)  # as if somebody had not seen that it moved on
    assert firing.claim(schedule.pk, now) is False
    assert Run.objects.count() == 1


def test_a_crash_in_the_middle_changes_nothing_and_the_next_tick_does_it_all(make, tick, monkeypatch):  # B51
    schedule = make(every=60)
    with monkeypatch.context() as patch:
        patch.setattr(firing, "send", partial(raise_, DatabaseError("the server has gone away")))
        assert tick(minutes=60) == 0
    assert (Run.objects.count(), Occurrence.objects.count(), Session.objects.count()) == (0, 0, 0)
    assert tick(seconds=15) == 1
    assert states(schedule) == [State.RUNNING]


def raise_(error: Exception, *args, **kwargs):
    raise error


def test_one_that_is_broken_does_not_block_the_others(make, tick, caplog):  # B51
    broken, other = make(every=10), make(every=20)
    Schedule.objects.filter(pk=broken.pk).update(kind=Kind.CRON, cron="no rule")
    assert tick(minutes=20) == 1
    assert (states(broken), states(other)) == ([], [State.RUNNING])
    assert f"schedule {broken.pk}" in caplog.text


def test_something_that_nobody_thought_of_is_a_failure_and_no_endless_attempt(make, tick, monkeypatch):  # B51
    schedule = make(every=60)
    monkeypatch.setattr(firing, "send", partial(raise_, KeyError("oops")))
    tick(minutes=60)
    tick(seconds=15)
    occurrence = last(schedule)
    assert (states(schedule), occurrence.code) == ([State.FAILED], "internal_error")
    assert occurrence.run.message.state == MessageState.FAILED


# -- missed ---------------------------------------------------------------------------------------


def test_after_a_week_s_absence_the_latest_one_runs_once(make, tick):  # B52
    schedule = make(every=60, missed=Missed.RUN)
    assert tick(days=7, minutes=30) == 1
    occurrence = last(schedule)
    assert (states(schedule), occurrence.missed_before) == ([State.RUNNING], firing.COUNTED_MISSED)
    assert occurrence.due_at == datetime(2026, 11, 27, 12, tzinfo=UTC)
    schedule.refresh_from_db()
    assert schedule.next_at == datetime(2026, 11, 27, 13, tzinfo=UTC)


def test_or_none_does_as_configured(make, tick):  # B52
    schedule = make(every=60, missed=Missed.SKIP)
    tick(hours=3, minutes=30)
    assert states(schedule) == [State.MISSED]
    assert last(schedule).missed_before == 2
    tick(minutes=30)  # in time again
    assert states(schedule) == [State.MISSED, State.RUNNING]


def test_a_tick_that_comes_a_little_late_has_missed_nothing(make, tick):
    schedule = make(every=60, missed=Missed.SKIP)
    tick(minutes=61)
    assert states(schedule) == [State.RUNNING]


# -- overlap --------------------------------------------------------------------------------------


def test_still_running_when_due_again_it_is_skipped(make, tick, end):  # B52
    schedule = make(every=60, overlap=Overlap.SKIP)
    tick(minutes=60)
    tick(minutes=60)
    assert states(schedule) == [State.RUNNING, State.SKIPPED]
    end(schedule.occurrences.last())
    tick(minutes=60)
    assert states(schedule) == [State.COMPLETED, State.SKIPPED, State.RUNNING]


@pytest.mark.parametrize("target", Target.values)
def test_or_waits_until_the_answer_has_ended(make, tick, end, target):  # B52
    schedule = make(every=60, overlap=Overlap.ENQUEUE, target=target)
    for _ in range(3):
        tick(minutes=60)
    assert states(schedule) == [State.RUNNING, State.CLAIMED, State.CLAIMED]
    assert Run.objects.count() == 1
    end(schedule.occurrences.last())  # whoever ends it starts the next one
    assert states(schedule) == [State.COMPLETED, State.RUNNING, State.CLAIMED]


def test_what_waits_does_not_become_a_storm(make, tick):  # B52
    schedule = make(every=1, overlap=Overlap.ENQUEUE)
    for _ in range(10):
        tick(minutes=1)
    assert states(schedule).count(State.CLAIMED) == firing.MAX_WAITING
    assert states(schedule).count(State.SKIPPED) == 10 - 1 - firing.MAX_WAITING


def test_what_a_process_that_died_has_not_settled_is_settled_by_the_next_tick(make, tick, write):  # B51
    schedule = make(every=60, overlap=Overlap.ENQUEUE)
    tick(minutes=60)
    run = write(last(schedule).run)
    tick(minutes=60)
    transitions.complete(run.id, "stop")  # and nobody was told
    tick(seconds=15)
    assert states(schedule) == [State.COMPLETED, State.RUNNING]


def test_an_execution_whose_chat_was_deleted_is_over(make, tick, alice):
    schedule = make(every=60)
    tick(minutes=60)
    delete_session(last(schedule).run.session, by=alice)
    tick(minutes=60)
    assert states(schedule) == [State.STOPPED, State.RUNNING]


# -- failures -------------------------------------------------------------------------------------


def test_failures_in_a_row_pause_it_and_say_so(make, tick, end, settings):  # B53
    settings.SCHEDULE_MAX_FAILURES = 3
    schedule = make(every=60)
    for how in (fail, fail, None, fail, partial(transitions.lose, reason=LostReason.LEASE)):
        tick(minutes=60)
        end(last(schedule), how)
    schedule.refresh_from_db()
    assert (schedule.paused, schedule.failures) == ("", 2)  # a success in between starts the count anew
    tick(minutes=60)
    end(last(schedule), transitions.stop)  # a person's Stop is no failure
    tick(minutes=60)
    end(last(schedule), fail)
    schedule.refresh_from_db()
    assert (schedule.paused, schedule.failures) == (Paused.BY_FAILURES, 3)
    assert tick(hours=5) == 0
    actions.resume(schedule)
    schedule.refresh_from_db()
    assert (schedule.paused, schedule.failures) == ("", 0)
    assert tick(minutes=60) == 1


@pytest.mark.parametrize(
    ("name", "code"), [("gone", "model_unknown"), ("off", "model_unknown"), ("none", "model_missing")]
)
def test_the_model_is_looked_up_again_and_its_lack_is_told_in_the_chat(make, tick, model, name, code):  # B47 B54
    schedule = make(every=60, model="" if name == "none" else "model")
    model.delete() if name == "gone" else Model.objects.update(enabled=False)
    tick(minutes=60)
    tick(seconds=15)
    occurrence = last(schedule)
    assert (occurrence.state, occurrence.code) == (State.FAILED, code)
    run = occurrence.run
    assert (run.status, run.message.state, run.message.parent.content) == (
        Status.FAILED, MessageState.FAILED, "What is the weather?"
    )  # fmt: skip
    assert run.session.tip_id == run.message_id
    schedule.refresh_from_db()
    assert schedule.failures == 1


def test_an_owner_who_is_switched_off_asks_for_nothing(make, tick, alice):  # B54
    schedule = make(every=60)
    alice.is_active = False
    alice.save()
    tick(minutes=60)
    occurrence = last(schedule)
    assert (occurrence.state, occurrence.code, occurrence.run) == (State.FAILED, "owner_disabled", None)
    assert not Run.objects.exists()


def test_the_limits_of_a_user_hold_for_his_schedules(make, tick, alice, settings):  # B57
    schedule = make(every=60)
    send(Session.objects.create(owner=alice), "Hello", user=alice)
    settings.USER_MAX_RUNS = 1
    tick(minutes=60)
    tick(seconds=15)
    assert last(schedule).code == TooManyRuns.code


def test_a_broker_that_is_down_is_a_failure_like_any_other(
    make, tick, django_capture_on_commit_callbacks, settings
):  # B11
    schedule = make(every=60)
    with django_capture_on_commit_callbacks(execute=True):
        tick(minutes=60)
    occurrence = last(schedule)
    assert (occurrence.state, occurrence.code) == (State.FAILED, "broker_unavailable")


@pytest.mark.parametrize(
    ("notify", "how", "news"),
    [
        (Notify.ALL, None, News.UNREAD),
        (Notify.ALL, fail, News.FAILED),
        (Notify.ALL, transitions.stop, ""),
        (Notify.FAILURES, None, ""),
        (Notify.FAILURES, fail, News.FAILED),
        (Notify.NONE, fail, ""),
    ],
)
def test_results_are_marked_as_new_as_far_as_wanted(make, tick, end, notify, how, news):
    schedule = make(every=60, notify=notify)
    tick(minutes=60)
    assert end(last(schedule), how).run.session.news == news


# -- clocks ---------------------------------------------------------------------------------------


def test_a_clock_that_was_ahead_neither_silences_nor_repeats_anything(make, tick, end):  # B51
    schedule = make(every=60, overlap=Overlap.ENQUEUE)
    tick(minutes=60)
    end(last(schedule))
    tick(days=400)
    end(last(schedule))
    assert tick(days=-400, minutes=1) == 0
    schedule.refresh_from_db()
    assert schedule.next_at == datetime(2026, 11, 20, 14, tzinfo=UTC)
    assert tick(minutes=59) == 1
    end(schedule.occurrences.get(state=State.RUNNING))
    assert tick(minutes=-90) == 0
    assert tick(minutes=31) == 0  # 13:01: that hour was answered before
    assert tick(minutes=60) == 0  # and so was this one
    assert tick(minutes=60) == 1
    assert Run.objects.count() == 4


def test_a_schedule_of_local_times_follows_its_zone(make, clock):  # B50
    clock.to(2026, 10, 24, 12)
    schedule = make(kind=Kind.DAILY, at=time(2, 30), zone="Europe/Berlin", starts_at=None)
    found = []
    for _ in range(24 * 4 * 3):
        firing.tick(clock.forward(minutes=15))
    for occurrence in schedule.occurrences.order_by("due_at"):
        found.append(f"{occurrence.due_at:%d %H:%M}")
    assert found == ["25 00:30", "26 01:30", "27 01:30"]
