"""Start due schedules. Any number of processes may do this concurrently, at any time.

1. `tick` selects due schedules and claims each in a transaction of its own, which locks it. Other processes skip locked
   rows (PostgreSQL), or find the schedule already advanced (SQLite: a conditional UPDATE).
2. That transaction advances the schedule to its next time and creates the occurrence, with its run if none is active.
   Nothing leaves the process before the commit: after a crash the next tick does it all again.
3. The run's task is sent on commit. If the process dies in between, the engine's upkeep sends it
   (`runs/lifecycle/redispatch.py`).
4. The end of the run settles the occurrence and starts the next waiting one. If the process that ended the run dies
   before that, the next tick does it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F
from django.dispatch import receiver
from django.utils import timezone

from chatapp.chats.models import Message, MessageState, Role, Session
from chatapp.schedules.errors import OwnerDisabled, UnknownZone
from chatapp.schedules.models import ENDS, Missed, Occurrence, Overlap, Paused, Schedule, State, Target
from chatapp.schedules.placeholders import fill
from chatapp.schedules.rules import count_before, latest_time, next_time
from runs.actions import send
from runs.errors import InternalError, RunError
from runs.lifecycle import transitions
from runs.lifecycle.start import lock_session
from runs.models import Run
from runs.signals import ended
from runs.states import FINAL, Trigger

logger = logging.getLogger(__name__)

SLICE_SECONDS = 10.0  # s; time budget of a tick. Schedules left over come first in the next one
LATE = timedelta(minutes=2)  # an occurrence later than this was missed; a tick comes every 15 s
SET_BACK = timedelta(minutes=1)  # difference between clocks from which one counts as set back
COUNTED_MISSED = 100  # missed times are counted up to this
MAX_WAITING = 5  # occurrences of one schedule; more are skipped, to avoid a burst
MAX_OCCURRENCES = 1000  # in the history of a schedule
DELETED_AT_ONCE = 100  # older occurrences deleted by one claim


def tick(now: datetime) -> int:
    """Start the schedules due at `now`, after recovering from crashes. Returns the number of claimed occurrences."""
    deadline = monotonic() + SLICE_SECONDS
    settle_ended()
    recompute_after_clock_set_back(now)
    claimed = 0
    for pk in list(Schedule.objects.due(now).order_by("next_at").values_list("pk", flat=True)):
        if monotonic() > deadline:
            break
        with log_failures(pk):
            claimed += claim(pk, now)
    return claimed


@contextmanager
def log_failures(pk: UUID) -> Iterator[None]:
    """Log exceptions, so that a broken schedule never blocks others (B51)."""
    try:
        yield
    except Exception:
        logger.exception("schedule %s failed", pk)


def claim(pk: UUID, now: datetime) -> bool:
    """Claim the latest due time of a schedule. Returns False if another process was faster."""
    with transaction.atomic():
        schedule = lock(pk, skip_locked=True)
        if schedule is None or schedule.paused or schedule.next_at is None or schedule.next_at > now:
            return False
        if not schedule.is_zone_known:
            return _pause_without_zone(schedule, now)
        rule, since = schedule.rule, schedule.next_at
        due = latest_time(rule, since, now) or since
        following = next_time(rule, now)
        unmoved = Schedule.objects.filter(pk=pk, next_at=since)  # compare-and-set, where there are no row locks
        if not unmoved.update(next_at=following, computed_at=now):
            return False
        delete_oldest(schedule)
        occurrence, is_new = schedule.occurrences.get_or_create(
            due_at=due,
            defaults={"claimed_at": now, "missed_before": count_before(rule, since, due, COUNTED_MISSED)},
        )
        if is_new:
            _decide(schedule, occurrence, now)
        return is_new


def _pause_without_zone(schedule: Schedule, now: datetime) -> bool:
    """Pause a schedule whose next time cannot be computed. Its history gets one failure with the reason."""
    if not Schedule.objects.filter(pk=schedule.pk, paused="").update(paused=Paused.BY_ZONE):
        return False
    logger.warning("schedule %s is paused: there is no time zone %r here", schedule.pk, schedule.zone)
    due = {"due_at": schedule.next_at, "defaults": {"claimed_at": now}}
    occurrence, is_new = schedule.occurrences.get_or_create(**due)
    if is_new:
        finish(occurrence, State.FAILED, UnknownZone())
    return is_new


def delete_oldest(schedule: Schedule) -> None:
    """Delete by number, not by age: a clock that is ahead must not delete occurrences and then repeat them."""
    oldest = schedule.occurrences.values("pk")[MAX_OCCURRENCES : MAX_OCCURRENCES + DELETED_AT_ONCE]
    schedule.occurrences.filter(pk__in=list(oldest.values_list("pk", flat=True)), finished_at__isnull=False).delete()


def lock(pk: UUID, skip_locked: bool = False) -> Schedule | None:
    """Lock and return the schedule. None: it was deleted, or is locked and `skip_locked`.

    Locks its session first, in the order of deleting a session, which updates the schedule.
    """
    if session_id := Schedule.objects.filter(pk=pk).values_list("session", flat=True).first():
        lock_session(session_id)
    return Schedule.objects.select_for_update(skip_locked=skip_locked).filter(pk=pk).first()


def _decide(schedule: Schedule, occurrence: Occurrence, now: datetime) -> None:
    """Start the occurrence, leave it waiting, or record why not."""
    others = schedule.occurrences.exclude(pk=occurrence.pk)
    blocking = others.blocking().count()
    if now - occurrence.due_at > LATE and schedule.missed == Missed.SKIP:
        finish(occurrence, State.MISSED)
    elif not blocking:
        start(schedule, occurrence)
    elif schedule.overlap == Overlap.SKIP or others.filter(state=State.CLAIMED).count() >= MAX_WAITING:
        finish(occurrence, State.SKIPPED)


def start(schedule: Schedule, occurrence: Occurrence) -> None:
    """Send the prompt. Call it in a transaction that has locked the schedule. Permissions are checked now (B54).

    A prompt that cannot be sent ends like any failure: in the chat, with its error (B47).
    """
    if not schedule.owner.is_active:
        _count_failures(schedule, finish(occurrence, State.FAILED, OwnerDisabled()))
        return
    text = fill(schedule, occurrence)
    try:
        with transaction.atomic():
            session = _session_for(schedule, occurrence)
            run = send(session, text, user=schedule.owner, model=schedule.model, trigger=Trigger.SCHEDULE)
            Run.objects.filter(pk=run.pk).update(tells=schedule.notify)
    except RunError as error:
        run = _record_failure(schedule, occurrence, text, error)
    except DatabaseError:
        raise  # the transaction is broken; the next tick tries again
    except Exception as error:
        logger.exception("schedule %s could not send its prompt", schedule.pk)
        run = _record_failure(schedule, occurrence, text, InternalError(repr(error)))
    Occurrence.objects.filter(pk=occurrence.pk).update(run=run, state=State.RUNNING)


def _session_for(schedule: Schedule, occurrence: Occurrence) -> Session:
    """The schedule's chat if it has one, else a new one. New chats have a title, so they need no title run."""
    if schedule.target == Target.SAME:
        session = Session.objects.visible_to(schedule.owner).filter(pk=schedule.session_id).first()
        if session is None:
            session = Session.objects.create(owner=schedule.owner, title=schedule.name, model=schedule.model)
            Schedule.objects.filter(pk=schedule.pk).update(session=session)
        return session
    due = occurrence.due_at.astimezone(schedule.zone_info)
    title = f"{schedule.name} · {due.day} {due:%b %Y, %H:%M}"
    return Session.objects.create(owner=schedule.owner, title=title, model=schedule.model)


def _record_failure(schedule: Schedule, occurrence: Occurrence, text: str, error: RunError) -> Run:
    """Store the question that could not be sent, with a failed answer that has the reason."""
    session = _session_for(schedule, occurrence)
    lock_session(session.pk)
    question = session.messages.create(role=Role.USER, content=text, state=MessageState.WAITING)
    answer = Message.objects.create(session=session, parent=question, role=Role.ASSISTANT, state=MessageState.WAITING)
    run = transitions.enqueue(session, answer, None, Trigger.SCHEDULE, tells=schedule.notify)
    transitions.fail(run.pk, error)
    return run


# -- after the run --------------------------------------------------------------------------------


@receiver(ended, dispatch_uid="schedules.ended")
def settle(run_id: UUID, **kwargs) -> None:
    """End the run's occurrence and start the next waiting one. Receiver of `ended`."""
    for occurrence in Occurrence.objects.filter(run=run_id, state=State.RUNNING):
        _settle(occurrence)


def settle_ended() -> int:
    """Settle occurrences that a crashed process left unsettled. Returns their number."""
    running = Occurrence.objects.filter(state=State.RUNNING)
    unsettled = [*running.filter(run__status__in=FINAL), *running.filter(run=None)]
    for occurrence in unsettled:
        with log_failures(occurrence.schedule_id):
            _settle(occurrence)
    waiting = Occurrence.objects.filter(state=State.CLAIMED).values_list("schedule", flat=True)
    for schedule_id in set(waiting):
        with log_failures(schedule_id):
            start_waiting(schedule_id)
    return len(unsettled)


def _settle(occurrence: Occurrence) -> None:
    with transaction.atomic():
        schedule = lock(occurrence.schedule_id)
        run = Run.objects.filter(pk=occurrence.run_id).first()
        if schedule is None or (run is not None and not run.is_final):
            return
        state = ENDS[run.status] if run is not None else State.STOPPED  # its chat was deleted
        if finish(occurrence, state, run):
            _count_failures(schedule, state)
    start_waiting(occurrence.schedule_id)


def start_waiting(schedule_id: UUID) -> None:
    """Start the next waiting occurrence, unless one is running."""
    with transaction.atomic():
        schedule = lock(schedule_id)
        if schedule is None:
            return
        unfinished = schedule.occurrences.blocking()
        waiting = unfinished.filter(state=State.CLAIMED).order_by("due_at").first()
        if waiting is not None and not unfinished.filter(state=State.RUNNING).exists():
            start(schedule, waiting)


def finish(occurrence: Occurrence, state: State, error: RunError | Run | None = None) -> State | None:
    """End an occurrence. None: another process already has. `error` provides code and sentence of a failure."""
    unfinished = Occurrence.objects.filter(pk=occurrence.pk, finished_at=None)
    failure = {"code": error.code, "error": _sentence(error)} if error and state == State.FAILED else {}
    return state if unfinished.update(state=state, finished_at=timezone.now(), **failure) else None


def _sentence(error: RunError | Run) -> str:
    if isinstance(error, RunError):
        return error.message
    return error.error or transitions.LOST_MESSAGES.get(error.reason, "")


def _count_failures(schedule: Schedule, state: State | None) -> None:
    """Count failures in a row, which pause the schedule. A user's Stop is neither a failure nor a success."""
    row = Schedule.objects.filter(pk=schedule.pk)
    if state == State.COMPLETED:
        row.update(failures=0)
    elif state == State.FAILED:
        row.update(failures=F("failures") + 1)
        if row.filter(failures__gte=settings.SCHEDULE_MAX_FAILURES, paused="").update(paused=Paused.BY_FAILURES):
            logger.warning("schedule %s is paused: it failed %d times in a row", schedule.pk, schedule.failures + 1)
            skip_waiting(schedule)


def skip_waiting(schedule: Schedule) -> None:
    for occurrence in schedule.occurrences.filter(state=State.CLAIMED):
        finish(occurrence, State.SKIPPED)


def recompute_after_clock_set_back(now: datetime) -> int:
    """Recompute schedules that a clock running ahead has advanced too far. Returns their number.

    Occurrences claimed meanwhile are not claimed again: they are unique.
    """
    ahead = list(Schedule.objects.filter(paused="", computed_at__gt=now + SET_BACK))
    for schedule in ahead:
        with log_failures(schedule.pk):
            unmoved = Schedule.objects.filter(pk=schedule.pk, computed_at=schedule.computed_at)
            unmoved.update(next_at=next_time(schedule.rule, now), computed_at=now)
    return len(ahead)
