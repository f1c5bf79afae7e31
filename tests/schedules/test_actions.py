"""What people do with their schedules, and what is filled into their prompts."""

from datetime import timedelta
from functools import partial

import pytest

from chatapp.chats.models import Session
from chatapp.schedules import actions, firing
from chatapp.schedules.errors import StillRunning, TooManySchedules
from chatapp.schedules.models import Notify, Overlap, Paused, Schedule, State
from runs.errors import PromptEmpty
from runs.states import Status
from tests.schedules.reading import fail, last, states

pytestmark = pytest.mark.django_db


def test_run_now_asks_at_once_and_changes_nothing_about_the_next_time(make, clock, end):  # B53
    schedule = make(every=60)
    clock.forward(minutes=5)
    occurrence = actions.run_now(schedule)
    assert (occurrence.is_by_hand, occurrence.state) == (True, State.RUNNING)
    assert actions.run_now(schedule) == occurrence  # a double click
    clock.forward(seconds=2)
    with pytest.raises(StillRunning):
        actions.run_now(schedule)
    end(occurrence)
    assert actions.run_now(schedule) != occurrence
    assert Schedule.objects.get().next_at == schedule.next_at


def test_paused_it_does_not_start_and_what_waited_is_skipped(make, tick, clock):  # B53
    schedule = make(every=60, overlap=Overlap.ENQUEUE)
    tick(minutes=60)
    tick(minutes=60)
    actions.pause(schedule)
    assert states(schedule) == [State.RUNNING, State.SKIPPED]
    assert tick(hours=9) == 0
    actions.resume(schedule)
    schedule.refresh_from_db()
    assert schedule.next_at == clock.now + timedelta(hours=1)  # what was missed was meant to be


def test_edited_it_is_due_by_its_new_rule(make, clock):
    schedule = make(every=60)
    clock.forward(minutes=7)
    schedule.minutes, schedule.starts_at = 10, clock.now
    actions.save(schedule)
    assert Schedule.objects.get().next_at == clock.now + timedelta(minutes=10)
    schedule.prompt = " "
    with pytest.raises(PromptEmpty):
        actions.save(schedule)


def test_an_edit_does_not_resume_what_failures_have_paused_meanwhile(make):
    schedule = make(every=60)
    Schedule.objects.update(paused=Paused.BY_FAILURES, failures=5)
    schedule.name = "Edited in a form from before"
    assert actions.save(schedule).paused == Paused.BY_FAILURES


def test_a_copy_is_paused_and_has_no_history(make, tick):
    schedule = make(every=60, name="n" * 60, notify=Notify.NONE)
    tick(minutes=60)
    copy = actions.duplicate(schedule)
    assert (copy.paused, copy.name, len(copy.name)) == (Paused.BY_OWNER, "n" * 53 + " (copy)", 60)
    assert (copy.minutes, copy.notify, copy.occurrences.count()) == (60, Notify.NONE, 0)


def test_there_is_a_limit_to_the_schedules_of_one_user(make, bob, settings):  # B57
    settings.USER_MAX_SCHEDULES = 1
    schedule = make()
    make(owner=bob)
    for attempt in (make, partial(actions.duplicate, schedule)):
        with pytest.raises(TooManySchedules):
            attempt()
    actions.save(schedule)  # an edit takes no room


def test_deleted_it_stops_what_runs_and_its_chats_stay(make, tick, write, alice):  # B53
    schedule = make(every=60)
    tick(minutes=60)
    run = write(last(schedule).run, "Sunny, but")
    actions.delete(schedule, by=alice)
    run.refresh_from_db()
    assert not Schedule.objects.exists()
    assert (run.stop_requested_by, run.stop_requested_at is not None) == (alice, True)
    assert Session.objects.visible_to(alice).filter(pk=run.session_id).exists()


def test_deleted_it_stops_what_has_not_begun(make, tick, alice):  # B53
    schedule = make(every=60)
    tick(minutes=60)
    run = last(schedule).run
    actions.delete(schedule, by=alice)
    run.refresh_from_db()
    assert run.status == Status.STOPPED


def test_history_does_not_grow_for_ever(make, tick, end, monkeypatch):
    monkeypatch.setattr(firing, "MAX_OCCURRENCES", 2)
    schedule = make(every=60)
    for _ in range(5):
        tick(minutes=60)
        end(last(schedule))
    assert [occurrence.due_at.hour for occurrence in schedule.occurrences.order_by("due_at")] == [15, 16, 17]


# -- placeholders ---------------------------------------------------------------------------------


def asked(schedule: Schedule) -> str:
    return last(schedule).run.message.parent.content


def test_date_time_and_the_last_answer_are_filled_in(make, tick, end):
    schedule = make(every=60, prompt="{{date}} {{ time }}: {{last_answer}} / {{nothing}} {date}")
    tick(minutes=60)
    assert asked(schedule) == "2026-11-20 14:00: (no answer yet) / {{nothing}} {date}"
    end(last(schedule), text="It rains. {{date}} {{last_answer}}")
    tick(minutes=60)
    assert asked(schedule) == "2026-11-20 15:00: It rains. {{date}} {{last_answer}} / {{nothing}} {date}"
    end(last(schedule), fail, text="Half an")
    tick(minutes=60)
    assert "It rains." in asked(schedule)  # what failed is no answer


def test_an_answer_that_is_too_long_is_cut_to_fit(make, tick, end, settings):
    settings.PROMPT_MAX_CHARACTERS = 100
    schedule = make(every=60, prompt="{{last_answer}} and {{last_answer}}")
    tick(minutes=60)
    end(last(schedule), text="x" * 500)
    tick(minutes=60)
    assert asked(schedule) == f"{'x' * 47} and {'x' * 47}"
