"""What happens when schedules are due. Any number of processes may do this at once, at any time.

1. `tick` looks for what is due; each schedule is taken in a transaction of its own, which locks it. Others skip what
   is locked (PostgreSQL) or find it moved on (SQLite: a conditional UPDATE).
2. That transaction moves the schedule on to its next time and creates the occurrence, with its run if it is its turn.
   Nothing leaves the process before it is committed: a crash in it changes nothing, and the next tick does it all.
3. The run's task is sent on commit. Should the process die in between, the engine's upkeep sends it
   (`runs/lifecycle/redispatch.py`).
4. The end of the run settles the occurrence, and starts one that waited. Should the process that ended it die before,
   the next tick does that.
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

SLICE_SECONDS = 10.0  # of one tick; what is left is due at the next one, and comes first there
LATE = timedelta(minutes=2)  # later than this an occurrence was missed; a tick comes every 15 s
SET_BACK = timedelta(minutes=1)  # clocks of machines that are further apart than this are set back
COUNTED_MISSED = 100  # of missed times; more than these are not counted
MAX_WAITING = 5  # occurrences of one schedule; others are skipped: never a storm
KEPT, FORGOTTEN_AT_ONCE = (
    1000,
    100,
)  # occurrences in the history of a schedule; and how many older ones one claim deletes


def tick(now: datetime) -> int:
    """Start what is due at `now`, and see to what a crash left behind. Returns how many occurrences it claimed."""
    over = monotonic() + SLICE_SECONDS
    settle_ended()
    obey_clock_set_back(now)
    claimed = 0
    for pk in list(Schedule.objects.due(now).order_by("next_at").values_list("pk", flat=True)):
        if monotonic() > over:
            break
        with apart(pk):
            claimed += claim(pk, now)
    return claimed


@contextmanager
def apart(pk: UUID) -> Iterator[None]:
    """One schedule that is broken never blocks another (B51)."""
    try:
        yield
    except Exception:
        logger.exception("something is wrong with schedule %s", pk)


def claim(pk: UUID, now: datetime) -> bool:
    """Take the latest due time of a schedule, unless another process has. Returns whether this call did."""
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
        forget_oldest(schedule)
        occurrence, is_new = schedule.occurrences.get_or_create(
            due_at=due,
            defaults={"claimed_at": now, "missed_before": count_before(rule, since, due, COUNTED_MISSED)},
        )
        if is_new:
            _decide(schedule, occurrence, now)
        return is_new


def _pause_without_zone(schedule: Schedule, now: datetime) -> bool:
    """When it would be due is unknown, now and later: the history says why, once, and its owner is asked."""
    if not Schedule.objects.filter(pk=schedule.pk, paused="").update(paused=Paused.BY_ZONE):
        return False
    logger.warning("schedule %s is paused: there is no time zone %r here", schedule.pk, schedule.zone)
    due = {"due_at": schedule.next_at, "defaults": {"claimed_at": now}}
    occurrence, is_new = schedule.occurrences.get_or_create(**due)
    if is_new:
        finish(occurrence, State.FAILED, UnknownZone())
    return is_new


def forget_oldest(schedule: Schedule) -> None:
    """By number and not by age: a clock that is ahead must not make history of what it is about to repeat."""
    oldest = schedule.occurrences.values("pk")[KEPT : KEPT + FORGOTTEN_AT_ONCE]
    schedule.occurrences.filter(pk__in=list(oldest.values_list("pk", flat=True)), finished_at__isnull=False).delete()


def lock(pk: UUID, skip_locked: bool = False) -> Schedule | None:
    """The schedule as it is now, for the caller's transaction alone. None: it is gone, or locked and to be skipped.

    Its session is locked first, as deleting a session does, which changes the schedule, too.
    """
    if session_id := Schedule.objects.filter(pk=pk).values_list("session", flat=True).first():
        lock_session(session_id)
    return Schedule.objects.select_for_update(skip_locked=skip_locked).filter(pk=pk).first()


def _decide(schedule: Schedule, occurrence: Occurrence, now: datetime) -> None:
    """Start it, let it wait, or record why not."""
    others = schedule.occurrences.exclude(pk=occurrence.pk)
    in_the_way = others.in_the_way().count()
    if now - occurrence.due_at > LATE and schedule.missed == Missed.SKIP:
        finish(occurrence, State.MISSED)
    elif not in_the_way:
        start(schedule, occurrence)
    elif schedule.overlap == Overlap.SKIP or others.filter(state=State.CLAIMED).count() >= MAX_WAITING:
        finish(occurrence, State.SKIPPED)


def start(schedule: Schedule, occurrence: Occurrence) -> None:
    """Ask. In a transaction that has locked the schedule; whoever may ask and what is looked up now (B54).

    What can not be asked ends like any failure: in the chat, with its error (B47).
    """
    if not schedule.owner.is_active:
        _count(schedule, finish(occurrence, State.FAILED, OwnerDisabled()))
        return
    text = fill(schedule, occurrence)
    try:
        with transaction.atomic():
            session = _session_for(schedule, occurrence)
            run = send(session, text, user=schedule.owner, model=schedule.model, trigger=Trigger.SCHEDULE)
            Run.objects.filter(pk=run.pk).update(tells=schedule.notify)
    except RunError as error:
        run = _failed(schedule, occurrence, text, error)
    except DatabaseError:
        raise  # the transaction is worth nothing any more; the next tick tries again
    except Exception as error:
        logger.exception("schedule %s could not ask", schedule.pk)
        run = _failed(schedule, occurrence, text, InternalError(repr(error)))
    Occurrence.objects.filter(pk=occurrence.pk).update(run=run, state=State.RUNNING)


def _session_for(schedule: Schedule, occurrence: Occurrence) -> Session:
    """The schedule's own chat, as long as there is one, or a new one: named, so that no model is asked for a title."""
    if schedule.target == Target.SAME:
        session = Session.objects.visible_to(schedule.owner).filter(pk=schedule.session_id).first()
        if session is None:
            session = Session.objects.create(owner=schedule.owner, title=schedule.name, model=schedule.model)
            Schedule.objects.filter(pk=schedule.pk).update(session=session)
        return session
    due = occurrence.due_at.astimezone(schedule.zone_info)
    title = f"{schedule.name} · {due.day} {due:%b %Y, %H:%M}"
    return Session.objects.create(owner=schedule.owner, title=title, model=schedule.model)


def _failed(schedule: Schedule, occurrence: Occurrence, text: str, error: RunError) -> Run:
    """A question that could not be asked, and the answer that says why."""
    session = _session_for(schedule, occurrence)
    lock_session(session.pk)
    question = session.messages.create(role=Role.USER, content=text, state=MessageState.WAITING)
    answer = Message.objects.create(session=session, parent=question, role=Role.ASSISTANT, state=MessageState.WAITING)
    run = transitions.enqueue(session, answer, None, Trigger.SCHEDULE, tells=schedule.notify)
    transitions.fail(run.pk, error)
    return run


# -- afterwards -----------------------------------------------------------------------------------


@receiver(ended, dispatch_uid="schedules.ended")
def settle(run_id: UUID, **kwargs) -> None:
    """The end of a run is the end of its occurrence; one that waited for it is next."""
    for occurrence in Occurrence.objects.filter(run=run_id, state=State.RUNNING):
        _settle(occurrence)


def settle_ended() -> int:
    """What a process that died has not settled. Returns how many occurrences."""
    running = Occurrence.objects.filter(state=State.RUNNING)
    left = [*running.filter(run__status__in=FINAL), *running.filter(run=None)]
    for occurrence in left:
        with apart(occurrence.schedule_id):
            _settle(occurrence)
    waiting = Occurrence.objects.filter(state=State.CLAIMED).values_list("schedule", flat=True)
    for schedule_id in set(waiting):
        with apart(schedule_id):
            start_waiting(schedule_id)
    return len(left)


def _settle(occurrence: Occurrence) -> None:
    with transaction.atomic():
        schedule = lock(occurrence.schedule_id)
        run = Run.objects.filter(pk=occurrence.run_id).first()
        if schedule is None or (run is not None and not run.is_final):
            return
        state = ENDS[run.status] if run is not None else State.STOPPED  # its chat was deleted
        if finish(occurrence, state, run):
            _count(schedule, state)
    start_waiting(occurrence.schedule_id)


def start_waiting(schedule_id: UUID) -> None:
    """Start the next occurrence that waits, unless one is being answered."""
    with transaction.atomic():
        schedule = lock(schedule_id)
        if schedule is None:
            return
        unfinished = schedule.occurrences.in_the_way()
        waiting = unfinished.filter(state=State.CLAIMED).order_by("due_at").first()
        if waiting is not None and not unfinished.filter(state=State.RUNNING).exists():
            start(schedule, waiting)


def finish(occurrence: Occurrence, state: State, error: RunError | Run | None = None) -> State | None:
    """The last move of an occurrence; None: another process has made it. `error` has its code and its sentence."""
    unfinished = Occurrence.objects.filter(pk=occurrence.pk, finished_at=None)
    why = {"code": error.code, "error": _sentence(error)} if error and state == State.FAILED else {}
    return state if unfinished.update(state=state, finished_at=timezone.now(), **why) else None


def _sentence(error: RunError | Run) -> str:
    if isinstance(error, RunError):
        return error.message
    return error.error or transitions.LOST_MESSAGES.get(error.reason, "")


def _count(schedule: Schedule, state: State | None) -> None:
    """Failures in a row pause a schedule; a person's Stop is neither a failure nor a success."""
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


def obey_clock_set_back(now: datetime) -> int:
    """A clock that was ahead has moved schedules on too far: back to the next time from now. Returns how many.

    What was claimed meanwhile is not claimed again: an occurrence is unique.
    """
    ahead = list(Schedule.objects.filter(paused="", computed_at__gt=now + SET_BACK))
    for schedule in ahead:
        with apart(schedule.pk):
            unmoved = Schedule.objects.filter(pk=schedule.pk, computed_at=schedule.computed_at)
            unmoved.update(next_at=next_time(schedule.rule, now), computed_at=now)
    return len(ahead)
