"""Schedules with a real beat and real workers."""

import os
from datetime import timedelta

import pytest
from django.utils import timezone

from chatapp.schedules import actions
from chatapp.schedules.models import Kind, Occurrence, Schedule, State
from runs.models import Run
from runs.states import Status, StopReason, Trigger
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken
from tests.schedules.campaign import Campaign

pytestmark = pytest.mark.each_database

SEED, SECONDS = os.environ.get("CAMPAIGN_SEED", "1"), os.environ.get("CAMPAIGN_SECONDS", "8")


def due_now(person, say: str, **values) -> Schedule:
    """A schedule that is due now."""
    values = {"kind": Kind.EVERY, "minutes": 60, "starts_at": timezone.now(), "zone": "UTC"} | values
    schedule = actions.save(Schedule(owner=person.user, name="Plan", prompt=say, **values))
    Schedule.objects.filter(pk=schedule.pk).update(next_at=timezone.now() - timedelta(seconds=1))
    return schedule


def run_of(schedule: Schedule) -> Run | None:
    """The run of its newest occurrence."""
    occurrence = schedule.occurrences.first()
    return occurrence and occurrence.run


def state_of(schedule: Schedule) -> str | None:
    """The state of its only occurrence; none before it is due to beat, too."""
    return Occurrence.objects.values_list("state", flat=True).filter(schedule=schedule).first()


def test_beat_starts_what_is_due_and_its_answer_is_watched_and_stopped_like_any_other(stack):  # B53
    alice = stack.person("alice")
    say, other = prompt(tokens=9, hold=[4]), prompt(tokens=9, stall_after=4)
    schedule, stopped = due_now(alice, say), due_now(alice, other)
    broken = due_now(alice, prompt(tokens=3, status=500))
    runs = [wait_until(lambda one=one: run_of(one), "it starts") for one in (schedule, stopped)]
    followers = [alice.follow(run).wait_for_text(spoken(4)) for run in runs]
    assert alice.stop(runs[1]).status == 202
    stack.upstream.release(say.tag)
    run = check(runs[0], followers[0])
    assert (run.status, run.trigger, run.message.content) == (Status.COMPLETED, Trigger.SCHEDULE, spoken(9))
    assert (check(runs[1], followers[1]).status, runs[1].session.owner) == (Status.STOPPED, alice.user)
    for one, state in ((schedule, State.COMPLETED), (stopped, State.STOPPED), (broken, State.FAILED)):
        wait_until(lambda one=one, state=state: state_of(one) == state, f"it is settled as {state}")
    assert Schedule.objects.get(pk=broken.pk).failures == 1

    # Run by hand it starts at once; deleted, it stops what it has on its way
    silent = prompt(tokens=9, stall_after=2)
    Schedule.objects.filter(pk=schedule.pk).update(prompt=silent)
    assert alice.page("POST", f"/schedules/{schedule.pk}/run", {}).status == 302
    run = Run.objects.filter(message__parent__content=silent).get()
    alice.follow(run).wait_for_text(spoken(2))
    assert alice.page("POST", f"/schedules/{schedule.pk}/delete", {}).status == 302
    assert stack.upstream.wait(silent.tag, "closed")["ended"] == "closed by client"
    run = check(run)
    assert (run.status, run.reason, run.message.content) == (Status.STOPPED, StopReason.USER, spoken(2))


@pytest.mark.long  # tests/schedules/test_firing.py: each of its races by itself, on both databases
@pytest.mark.timeout(200 + float(SECONDS))  # each of the three waits that end it may take a minute
def test_whatever_happens_each_time_is_asked_once(make_stack):  # B51 B52
    campaign = Campaign(make_stack(start=("valkey",), SCHEDULE_MAX_FAILURES="1000000"), int(SEED))
    counts = campaign.run(float(SECONDS))
    print(dict(counts))
    assert counts["questions"] > 20
