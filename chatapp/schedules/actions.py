"""Actions of users on their schedules."""

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from chatapp.schedules.errors import StillRunning, TooManySchedules, UnknownZone
from chatapp.schedules.firing import lock, skip_waiting, start
from chatapp.schedules.models import Occurrence, Paused, Schedule, State
from chatapp.schedules.rules import next_time
from runs import clock
from runs.lifecycle.stop import request_stop
from runs.limits import check_prompt
from runs.models import Run

COPIED = [
    "prompt", "model", "target", "session", "kind", "zone", "starts_at", "minutes", "at", "weekdays", "month_day",
    "cron", "missed", "overlap", "notify",
]  # fmt: skip
NAME_CHARACTERS = Schedule._meta.get_field("name").max_length


@transaction.atomic
def save(schedule: Schedule) -> Schedule:
    """Save a new or edited schedule and compute its next time.

    A schedule that was paused because its time zone is unknown resumes. Raises PromptEmpty, PromptTooLong,
    TooManySchedules, UnknownZone.
    """
    check_prompt(schedule.prompt)
    if schedule._state.adding:
        check_room(schedule.owner)
    elif (current := lock(schedule.pk)) is None:
        return schedule  # deleted meanwhile
    else:  # it may have been paused since the form was loaded
        schedule.paused, schedule.failures = current.paused, current.failures
        if schedule.paused == Paused.BY_ZONE:
            schedule.paused = ""
    _compute(schedule)
    schedule.save()
    return schedule


def check_room(owner: AbstractBaseUser) -> None:
    """Raise TooManySchedules (B57)."""
    if 0 < settings.USER_MAX_SCHEDULES <= Schedule.objects.filter(owner=owner).count():
        raise TooManySchedules


def _compute(schedule: Schedule) -> None:
    """Compute the next time. Raises UnknownZone."""
    if not schedule.is_zone_known:
        raise UnknownZone
    schedule.computed_at = clock.read()
    schedule.next_at = next_time(schedule.rule, schedule.computed_at)


@transaction.atomic
def pause(schedule: Schedule) -> None:
    """Start nothing automatically from now on. A running answer continues."""
    if (schedule := lock(schedule.pk)) and not schedule.paused:
        schedule.paused = Paused.BY_OWNER
        schedule.save(update_fields=["paused"])
        skip_waiting(schedule)


@transaction.atomic
def resume(schedule: Schedule) -> None:
    """Resume with the next time from now; times during the pause don't count as missed. Raises UnknownZone."""
    if (schedule := lock(schedule.pk)) and schedule.paused:
        schedule.paused, schedule.failures = "", 0
        _compute(schedule)
        schedule.save(update_fields=["paused", "failures", "next_at", "computed_at"])


@transaction.atomic
def run_now(schedule: Schedule) -> Occurrence | None:
    """Run once, now, without changing the next time. A double click runs once. None: it was deleted.

    Raises StillRunning while the last answer is being written.
    """
    schedule = lock(schedule.pk)
    if schedule is None:
        return None
    now = clock.read()
    second = now.replace(microsecond=0)
    if earlier := schedule.occurrences.filter(due_at=second).first():
        return earlier
    if schedule.occurrences.blocking().exists():
        raise StillRunning
    occurrence = schedule.occurrences.create(due_at=second, claimed_at=now, is_by_hand=True)
    start(schedule, occurrence)
    occurrence.refresh_from_db()
    return occurrence


@transaction.atomic
def duplicate(schedule: Schedule) -> Schedule:
    """Create a paused copy, so that the two don't both start. Raises TooManySchedules, UnknownZone."""
    check_room(schedule.owner)
    name = f"{schedule.name[: NAME_CHARACTERS - len(' (copy)')]} (copy)"
    values = {field: getattr(schedule, field) for field in COPIED}
    copy = Schedule(owner=schedule.owner, name=name, paused=Paused.BY_OWNER, **values)
    _compute(copy)
    copy.save()
    return copy


def delete(schedule: Schedule, *, by: AbstractBaseUser) -> None:
    """Delete a schedule and its history, and stop its active runs. Its chats stay."""
    with transaction.atomic():
        if lock(schedule.pk) is None:
            return
        running = schedule.occurrences.filter(state=State.RUNNING).values_list("run", flat=True)
        runs = list(Run.objects.active().filter(pk__in=list(running)))
        schedule.delete()
    for run in runs:
        request_stop(run, by)
