"""The moves between a run's states. Nothing else writes a run's status.

Each move is one transaction: a conditional UPDATE that says which states it leaves from, the event in the log, the
message. The loser of a race finds no row to update and does nothing. After the commit the event is announced and the
session's next run is started. What can still go wrong after a commit: the announcement is lost (followers notice), the
start is lost because the broker is down (the run FAILS at once) or because this process dies (`sweep` starts it later).
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from chatapp.chats.models import Message, MessageState, Session
from runs import dispatch
from runs.errors import BrokerUnavailable, RunError
from runs.models import Model, Run, Worker
from runs.states import ACTIVE, LostReason, Status, StopReason, Trigger
from streams import log
from streams.events import Event, Kind
from streams.models import LoggedEvent
from streams.publish import announce

logger = logging.getLogger(__name__)

MOVE_TRIES = 20  # a move is tried again when the run's own writer took the next seq; it stops writing soon
TRACE_CHARACTERS = 8_000

LOST_MESSAGES = {
    LostReason.LEASE: "The worker that wrote this answer is gone.",
    LostReason.INTERRUPTED: "The answer was interrupted.",
    LostReason.RESTART: "The answer was interrupted by a restart.",
}


@dataclass(frozen=True)
class End:
    """How a run ends: the final event and what the run's row records of it."""

    status: Status
    kind: Kind
    data: dict
    state: MessageState
    fields: dict = field(default_factory=dict)


# -- queued ---------------------------------------------------------------------------------------


def enqueue(session: Session, message: Message, model: Model | None, trigger: Trigger) -> Run:
    """() -> QUEUED: a run that will write `message`. In the caller's transaction, which holds the session's lock.

    It starts on commit if nothing else of the session is active, else when its turn comes.
    """
    run = Run.objects.create(session=session, message=message, model=model, trigger=trigger)
    _announce_on_commit(log.append(run.id, (Kind.QUEUED, {})))
    start_next(session.id)
    return run


def lock_session(session_id: UUID) -> None:
    """Make others who change the session's queue wait until the caller's transaction ends."""
    Session.objects.select_for_update().filter(pk=session_id).values_list("pk").first()


@transaction.atomic
def start_next(session_id: UUID) -> None:
    """Give the head of the session's queue its task, unless a run of it is running or on its way."""
    lock_session(session_id)
    runs = Run.objects.filter(session_id=session_id).active()
    if runs.filter(Q(status=Status.RUNNING) | Q(task_id__isnull=False)).exists():
        return
    run = runs.order_by("queued_at", "id").first()
    if run is not None:
        _give_task(run.id)


def _give_task(run_id: UUID) -> None:
    """Every attempt to start gets a task id of its own: Celery discards ids that it has seen revoked."""
    task_id = uuid4()
    Run.objects.filter(pk=run_id, status=Status.QUEUED).update(task_id=task_id)
    transaction.on_commit(partial(_dispatch, run_id, task_id))


def _dispatch(run_id: UUID, task_id: UUID) -> None:
    try:
        dispatch.start(run_id, task_id)
    except dispatch.BrokerDown as error:
        logger.error("run %s could not be started: %s", run_id, error)
        fail(run_id, BrokerUnavailable(str(error)))


# -- running --------------------------------------------------------------------------------------


def claim(run_id: UUID, task_id: UUID, worker: Worker) -> tuple[Run, int] | None:
    """QUEUED -> RUNNING, by the task that the run was given. Returns the run and the seq after which to write.

    None: the run is not this task's to carry: ended meanwhile, given to another task, or waiting for its session.
    """
    try:
        with transaction.atomic():
            waiting = Run.objects.filter(pk=run_id, task_id=task_id, status=Status.QUEUED, stop_requested_at=None)
            if not waiting.update(status=Status.RUNNING, worker=worker, started_at=timezone.now(), attempt=1):
                return _refuse_claim(run_id)
            events = log.append(run_id, (Kind.STARTED, {}))
            run = Run.objects.select_related("message", "model__provider").get(pk=run_id)
            Message.objects.filter(pk=run.message_id).update(state=MessageState.ANSWERING)
            _announce_on_commit(events)
    except IntegrityError:
        _back_to_queue(run_id, task_id)
        return None
    return run, events[-1].seq


def _refuse_claim(run_id: UUID) -> None:
    """A Stop that was asked for while the run waited is honoured here, should its own move have been lost."""
    if Run.objects.filter(pk=run_id, status=Status.QUEUED, stop_requested_at__isnull=False).exists():
        stop(run_id)


def _back_to_queue(run_id: UUID, task_id: UUID) -> None:
    """Another run of the session is running (B16). When it ends this one's turn comes; it may just have ended."""
    Run.objects.filter(pk=run_id, task_id=task_id, status=Status.QUEUED).update(task_id=None)
    start_next(Run.objects.values_list("session_id", flat=True).get(pk=run_id))


# -- final ----------------------------------------------------------------------------------------


def complete(run_id: UUID, finish_reason: str) -> bool:
    """RUNNING -> COMPLETED. Returns whether this call did it, as all final moves do."""
    end = End(
        Status.COMPLETED,
        Kind.COMPLETED,
        {"finish_reason": finish_reason},
        MessageState.COMPLETE,
        {"finish_reason": finish_reason[:32]},
    )
    return _finish(run_id, end, leaves=[Status.RUNNING])


def stop(run_id: UUID, reason: StopReason = StopReason.USER) -> bool:
    """QUEUED | RUNNING -> STOPPED. The text so far is kept."""
    data = {"reason": reason.value}
    return _finish(run_id, End(Status.STOPPED, Kind.STOPPED, data, MessageState.STOPPED, {"reason": reason}))


def fail(run_id: UUID, error: RunError, trace: str = "") -> bool:
    """QUEUED | RUNNING -> FAILED. `trace` is for staff; the caller has redacted it."""
    data = {"code": error.code, "message": error.message, "retryable": error.retryable}
    fields = {
        "code": error.code,
        "error": error.message,
        "retryable": error.retryable,
        "trace": (trace or str(error))[-TRACE_CHARACTERS:],
    }
    return _finish(run_id, End(Status.FAILED, Kind.FAILED, data, MessageState.FAILED, fields))


def lose(run_id: UUID, reason: LostReason) -> bool:
    """QUEUED | RUNNING -> LOST. The text so far is kept."""
    data = {"reason": reason.value, "message": LOST_MESSAGES[reason]}
    return _finish(run_id, End(Status.LOST, Kind.LOST, data, MessageState.LOST, {"reason": reason, "retryable": True}))


def interrupt(run_id: UUID) -> bool:
    """QUEUED | RUNNING -> STOPPED if somebody asked for a Stop, else LOST: a deploy looks like a Stop from inside."""
    if Run.objects.filter(pk=run_id, stop_requested_at__isnull=False).exists():
        return stop(run_id)
    return lose(run_id, LostReason.INTERRUPTED)


def _finish(run_id: UUID, end: End, leaves: Sequence[Status] = ACTIVE) -> bool:
    """The final move, tried again as a whole when the run's own writer took the seq of the final event."""
    for _ in range(MOVE_TRIES):
        try:
            with transaction.atomic():
                return _finish_once(run_id, end, leaves)
        except IntegrityError:
            continue
    raise RuntimeError(f"run {run_id} could not be ended: its writer does not stop")


def _finish_once(run_id: UUID, end: End, leaves: Sequence[Status]) -> bool:
    finished_at = timezone.now()
    leaving = Run.objects.filter(pk=run_id, status__in=leaves)
    won = leaving.update(status=end.status, finished_at=finished_at, **end.fields)
    if not won:
        return False
    events = log.append(run_id, (end.kind, end.data))
    folded = log.fold_stream(run_id)
    Run.objects.filter(pk=run_id).update(
        last_seq=folded.last_seq,
        first_token_at=_first_token_at(run_id),
        prompt_tokens=folded.usage.get("prompt_tokens"),
        completion_tokens=folded.usage.get("completion_tokens"),
    )
    message_id, session_id = Run.objects.values_list("message_id", "session_id").get(pk=run_id)
    Message.objects.filter(pk=message_id).update(
        content=folded.text, reasoning=folded.reasoning, state=end.state, html=""
    )
    Session.objects.filter(pk=session_id).update(active_at=finished_at)
    _announce_on_commit(events)
    transaction.on_commit(partial(start_next, session_id))
    return True


def _first_token_at(run_id: UUID) -> datetime | None:
    tokens = LoggedEvent.objects.filter(stream=run_id, kind__in=[Kind.TEXT, Kind.REASONING, Kind.TOOL])
    return tokens.order_by("seq").values_list("at", flat=True).first()


def _announce_on_commit(events: list[Event]) -> None:
    transaction.on_commit(partial(announce, events))


# -- stop requests, leases ------------------------------------------------------------------------


def request_stop(run: Run, by) -> str:
    """Ask for the end of a run: who and when is recorded once. Returns the truth about it (B38).

    "stopped": it was still waiting and has ended. "stopping": its worker has been told. "already_final".
    """
    Run.objects.filter(pk=run.pk, status__in=ACTIVE, stop_requested_at=None).update(
        stop_requested_at=timezone.now(), stop_requested_by=by
    )
    run.refresh_from_db()
    if run.status == Status.QUEUED and stop(run.id):
        return "stopped"
    run.refresh_from_db()
    if run.is_final:
        return "already_final"
    dispatch.revoke(run.task_id)
    return "stopping"


def lease_end() -> datetime:
    """Until when a lease that is renewed now will last."""
    return timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)


def reap(among: Iterable[UUID] | None = None) -> int:
    """RUNNING -> LOST (or STOPPED, where that was asked for) for every run whose worker's lease has run out.

    `among` limits it to these runs: whoever looks at a run ends it himself, should no worker be left to reap.
    """
    expired = Q(worker__isnull=True) | Q(worker__lease_until__lt=timezone.now())
    runs = Run.objects.filter(expired, status=Status.RUNNING)
    if among is not None:
        runs = runs.filter(pk__in=list(among))
    ends = list(runs.values_list("id", "stop_requested_at"))
    return sum(stop(run_id) if asked else lose(run_id, LostReason.LEASE) for run_id, asked in ends)


def sweep() -> int:
    """Start what a crash between a commit and its on-commit left waiting: queues without anything under way."""
    busy = Run.objects.filter(Q(status=Status.RUNNING) | Q(status=Status.QUEUED, task_id__isnull=False))
    waiting = Run.objects.filter(status=Status.QUEUED, task_id=None).exclude(session__in=busy.values("session"))
    sessions = set(waiting.values_list("session_id", flat=True))
    for session_id in sessions:
        start_next(session_id)
    return len(sessions)
