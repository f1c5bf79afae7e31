"""The moves between a run's states. Nothing else writes a run's status.

Each move is one transaction: a conditional UPDATE that says which states it leaves from, the event in the log, the
message. The loser of a race finds no row to update and does nothing. After the commit the event is announced and the
session's next run is started. What can still go wrong after a commit: the announcement is lost (followers notice), the
start is lost because the broker is down (the run FAILS at once) or because this process dies (`sweep` starts it later).
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, Subquery
from django.db.models.functions import Now
from django.utils import timezone

from chatapp.chats import stored
from chatapp.chats.actions import html_due
from chatapp.chats.models import Message, MessageState, News, Session
from runs.errors import BrokerUnavailable, QueueTimeLimit, RunError
from runs.lifecycle import dispatch
from runs.lifecycle.segments import said_before
from runs.models import Model, Run, Worker
from runs.session_feed import session_changed, sessions_changed
from runs.signals import ended
from runs.states import ACTIVE, LostReason, Status, StopReason, Tells, Trigger
from runs.traces import cut
from streams.delivery.announce import announce
from streams.events import Event, Folded, Kind
from streams.log import store
from streams.models import LoggedEvent

logger = logging.getLogger(__name__)

MOVE_TRIES = 20  # a move is tried again when the run's own writer took the next seq; it stops writing soon

LOST_MESSAGES = {
    LostReason.LEASE: "The worker that was writing this answer is gone.",
    LostReason.INTERRUPTED: "The worker was interrupted.",
    LostReason.RESTART: "The server was restarted.",
}


NEWS = {Status.COMPLETED: News.UNREAD, Status.FAILED: News.FAILED, Status.LOST: News.FAILED}  # a Stop is none


@dataclass(frozen=True)
class End:
    """How a run ends: the final event and what the run's row records of it."""

    status: Status
    kind: Kind
    data: dict
    state: MessageState
    fields: dict = field(default_factory=dict)


# -- queued ---------------------------------------------------------------------------------------


def enqueue(session: Session, message: Message, model: Model | None, trigger: Trigger, **values: object) -> Run:
    """() -> QUEUED: a run that will write `message`. In the caller's transaction, which holds the session's lock.

    It has no task yet; whoever enqueues decides between `start`, `start_next` and leaving it to its turn.
    """
    if head_of_queue(session.id) is None:  # what was held has gone, one by one: nothing holds this one
        Session.objects.filter(pk=session.id, is_queue_held=True).update(is_queue_held=False)
    run = Run.objects.create(session=session, message=message, model=model, trigger=trigger, **values)
    _announce_on_commit(store.append(run.id, (Kind.QUEUED, {})))
    if session.is_listed:
        sessions_changed(session.owner_id)
    return run


def lock_session(session_id: UUID) -> None:
    """Make others who change the session's queue wait until the caller's transaction ends."""
    Session.objects.select_for_update().filter(pk=session_id).values_list("pk").first()


def _lock_session_of(run_id: UUID) -> None:
    """Before a run's row its session's: all do it in this order, else two would wait for each other for ever."""
    Session.objects.select_for_update(of=("self",)).filter(runs=run_id).values_list("pk").first()


def head_of_queue(session_id: UUID) -> Run | None:
    return Run.objects.filter(session_id=session_id).in_queue().first()


def hold(session_id: UUID) -> None:
    """What waits in the session's queue stays there until it is released."""
    Session.objects.filter(pk=session_id).update(is_queue_held=True)


def is_queue_held(session_id: UUID) -> bool:
    return Session.objects.filter(pk=session_id, is_queue_held=True).exists()


@transaction.atomic
def start_next(session_id: UUID) -> None:
    """Start the head of the session's queue, unless the queue is held or a run is under way."""
    lock_session(session_id)
    if Run.objects.filter(session=session_id).under_way().exists() or is_queue_held(session_id):
        return
    run = head_of_queue(session_id)
    if run is not None:
        start(run.id)


def start(run_id: UUID, on_failure: Callable[[UUID, UUID, BrokerUnavailable], None] | None = None) -> None:
    """Give a queued run its task, and the task to the broker on commit. In the caller's transaction.

    Every start has a task id of its own: Celery discards ids that it has seen revoked. If the broker is down the run
    goes back to the queue (B20), or `on_failure(run_id, task_id, error)` decides.
    """
    task_id = uuid4()
    Run.objects.filter(pk=run_id, status=Status.QUEUED).update(task_id=task_id, dispatched_at=timezone.now())
    transaction.on_commit(partial(_dispatch, run_id, task_id, on_failure or _put_back))


def _dispatch(run_id: UUID, task_id: UUID, on_failure: Callable) -> None:
    try:
        dispatch.start(run_id, task_id)
    except dispatch.BrokerDown as error:
        logger.error("run %s could not be started: %s", run_id, error)
        on_failure(run_id, task_id, BrokerUnavailable(str(error)))


def _put_back(run_id: UUID, task_id: UUID, error: RunError) -> None:
    """Its position has not changed, so it is the head of the queue again; the sweep will start it."""
    Run.objects.filter(pk=run_id, task_id=task_id, status=Status.QUEUED).update(task_id=None)


def fail_start(run_id: UUID, task_id: UUID, error: RunError) -> None:
    """For a run that a person has just asked for: he is told at once (B11)."""
    fail(run_id, error)


# -- running --------------------------------------------------------------------------------------


def claim(run_id: UUID, task_id: UUID, worker: Worker) -> tuple[Run, int] | None:
    """QUEUED -> RUNNING, by the task that the run was given. Returns the run and the seq after which to write.

    None: the run is not this task's to carry: ended meanwhile, given to another task, or waiting for its session.
    """
    try:
        with transaction.atomic():
            _lock_session_of(run_id)
            waiting = Run.objects.filter(pk=run_id, task_id=task_id, status=Status.QUEUED, stop_requested_at=None)
            if not waiting.update(status=Status.RUNNING, worker=worker, started_at=timezone.now(), attempt=1):
                return _refuse_claim(run_id)
            events = store.append(run_id, (Kind.STARTED, {}))
            run = Run.objects.select_related("session", "message__parent", "model__provider").get(pk=run_id)
            place(run.message)
            Message.objects.filter(pk=run.message_id).update(state=MessageState.ANSWERING)
            _announce_on_commit(events)
            session_changed(run.session_id)
    except IntegrityError:
        _back_to_queue(run_id, task_id)
        return None
    return run, events[-1].seq


def place(answer: Message) -> None:
    """Make an answer the end of what its session shows; a question that waited gets its place before it (B18)."""
    tip = Session.objects.filter(pk=answer.session_id).values("tip")
    waiting = Message.objects.filter(pk=answer.parent_id, state=MessageState.WAITING)
    waiting.update(parent=Subquery(tip), state=MessageState.COMPLETE)
    Session.objects.filter(pk=answer.session_id).update(tip=answer)


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


def stop(run_id: UUID) -> bool:
    """QUEUED | RUNNING -> STOPPED, for the reason it was asked for. The text so far is kept."""
    asked_for = Run.objects.filter(pk=run_id).values_list("stop_reason", flat=True).first()
    reason = StopReason(asked_for or StopReason.USER)
    data = {"reason": reason.value}
    return _finish(run_id, End(Status.STOPPED, Kind.STOPPED, data, MessageState.STOPPED, {"reason": reason}))


def fail(run_id: UUID, error: RunError, trace: str = "") -> bool:
    """QUEUED | RUNNING -> FAILED. `trace` is for staff; the caller has redacted it."""
    data = {"code": error.code, "message": error.message, "retryable": error.retryable}
    fields = {
        "code": error.code,
        "error": error.message,
        "retryable": error.retryable,
        "trace": cut(trace or str(error)),
    }
    return _finish(run_id, End(Status.FAILED, Kind.FAILED, data, MessageState.FAILED, fields))


def lose(run_id: UUID, reason: LostReason) -> bool:
    """QUEUED | RUNNING -> LOST. The text so far is kept."""
    data = {"reason": reason.value, "message": LOST_MESSAGES[reason]}
    return _finish(run_id, End(Status.LOST, Kind.LOST, data, MessageState.LOST, {"reason": reason, "retryable": True}))


def interrupt(run_id: UUID, reason: LostReason = LostReason.INTERRUPTED) -> bool:
    """QUEUED | RUNNING -> STOPPED if somebody asked for a Stop, else LOST: a deploy looks like a Stop from inside."""
    if Run.objects.filter(pk=run_id, stop_requested_at__isnull=False).exists():
        return stop(run_id)
    return lose(run_id, reason)


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
    _lock_session_of(run_id)
    finished_at = timezone.now()
    leaving = Run.objects.filter(pk=run_id, status__in=leaves)
    won = leaving.update(status=end.status, finished_at=finished_at, **end.fields)
    if not won:
        return False
    run = Run.objects.select_related("message", "session").get(pk=run_id)
    events = store.append(run_id, (end.kind, end.data))
    folded = store.fold_stream(run_id)
    Run.objects.filter(pk=run_id).update(
        last_seq=folded.last_seq,
        text_characters=len(folded.text),
        reasoning_characters=len(folded.reasoning),
        tool_calls=len(folded.tools),
        first_token_at=_first_token_at(run_id),
        attempt=run.attempt and run.attempt + folded.retries,
        prompt_tokens=folded.usage.get("prompt_tokens"),
        completion_tokens=folded.usage.get("completion_tokens"),
    )
    if run.started_at is None:
        place(run.message)  # its turn never came; it stands where it would have been answered
    before = said_before(run)
    content = before.text + folded.text
    Message.objects.filter(pk=run.message_id).update(
        content=content,
        reasoning=before.reasoning + folded.reasoning,
        tools=before.tools + folded.tools,
        state=end.state,
        **html_due(content),
    )
    stored.add(run.session.owner_id, _size(folded))
    _hold_queue(run, end)
    news = _news_of(run, end)
    Session.objects.filter(pk=run.session_id).update(active_at=finished_at, **news)
    _announce_on_commit(events)
    session_changed(run.session_id, ended=run.id if news or run.tells == Tells.ALL else None)
    transaction.on_commit(partial(start_next, run.session_id))
    transaction.on_commit(partial(ended.send_robust, Run, run_id=run_id))
    if end.status == Status.COMPLETED and settings.TITLES and not run.session.title:
        transaction.on_commit(partial(dispatch.write_title, run.id))
    return True


def _size(folded: Folded) -> int:
    """Bytes of what a run has written."""
    texts = [folded.text, folded.reasoning, *(tool["arguments"] for tool in folded.tools)]
    return sum(len(text.encode(errors="replace")) for text in texts)


def _news_of(run: Run, end: End) -> dict[str, News]:
    news = NEWS.get(end.status)
    is_told = run.tells == Tells.ALL or (run.tells == Tells.FAILURES and news == News.FAILED)
    return {"news": news} if news and is_told else {}


def _hold_queue(run: Run, end: End) -> None:
    """After a Stop or a failure what waits is held, until a person sends or discards it (B19)."""
    replaced = end.fields.get("reason") == StopReason.REPLACED
    if end.status != Status.COMPLETED and run.started_at and not replaced:
        waiting = Run.objects.filter(session_id=run.session_id).in_queue()
        Session.objects.filter(pk=run.session_id, pk__in=waiting.values("session_id")).update(is_queue_held=True)


def _first_token_at(run_id: UUID) -> datetime | None:
    tokens = LoggedEvent.objects.filter(stream=run_id, kind__in=[Kind.TEXT, Kind.REASONING, Kind.TOOL])
    return tokens.order_by("seq").values_list("at", flat=True).first()


def _announce_on_commit(events: list[Event]) -> None:
    transaction.on_commit(partial(announce, events))


# -- stop requests, leases ------------------------------------------------------------------------


def request_stop(run: Run, by, reason: StopReason = StopReason.USER) -> str:
    """Ask for the end of a run: who, when and why is recorded once. Returns the truth about it (B38).

    "stopped": it was waiting, or its worker was quick. "stopping": its worker has been told. "already_final": before.
    """
    is_first = ask_to_stop(run, by, reason)
    state = see_to_stop(run)
    return "stopped" if is_first and run.status == Status.STOPPED else state


def ask_to_stop(run: Run, by, reason: StopReason) -> bool:
    """Record the request, unless there is one; its worker finds it with the next renewal of its lease at the latest."""
    unasked = Run.objects.filter(pk=run.pk, status__in=ACTIVE, stop_requested_at=None)
    return bool(unasked.update(stop_requested_at=timezone.now(), stop_requested_by=by, stop_reason=reason))


def see_to_stop(run: Run) -> str:
    """Act on a recorded request: end what still waits, interrupt what runs. Outside of any transaction."""
    run.refresh_from_db()
    if run.status == Status.QUEUED and stop(run.id):
        return "stopped"
    run.refresh_from_db()
    if run.is_final:
        return "already_final"
    interrupt_task(run)
    return "stopping"


def interrupt_task(run: Run) -> None:
    """Interrupt the run's task on commit, wherever it runs; one that has ended meanwhile does not mind."""
    if run.task_id:
        transaction.on_commit(partial(dispatch.revoke, run.task_id))


def lease_end() -> datetime:
    """Until when a lease that is renewed now will last."""
    return timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)


def reap(among: Iterable[UUID] | None = None) -> int:
    """RUNNING -> LOST (or STOPPED, where that was asked for) for every run whose worker's lease has run out.

    `among` limits it to these runs: whoever looks at a run ends it himself, should no worker be left to reap.
    """
    expired = Q(worker__isnull=True) | Q(worker__lease_until__lt=Now())  # the database's clock, as in the lease
    runs = Run.objects.filter(expired, status=Status.RUNNING)
    if among is not None:
        runs = runs.filter(pk__in=list(among))
    ends = list(runs.values_list("id", "stop_requested_at"))
    return sum(stop(run_id) if asked else lose(run_id, LostReason.LEASE) for run_id, asked in ends)


def sweep() -> int:
    """Start what a crash between a commit and its on-commit left waiting: queues without anything under way."""
    busy = Run.objects.under_way().values("session")
    waiting = Run.objects.in_queue().filter(session__is_queue_held=False).exclude(session__in=busy)
    sessions = set(waiting.values_list("session_id", flat=True))
    for session_id in sessions:
        start_next(session_id)
    return len(sessions)


def fail_unclaimed() -> int:
    """QUEUED -> FAILED for runs that no worker took within the limit (B9)."""
    too_old = timezone.now() - timedelta(seconds=settings.RUN_QUEUED_SECONDS)
    runs = Run.objects.dispatched().filter(dispatched_at__lt=too_old)
    return sum(fail(run_id, QueueTimeLimit()) for run_id in list(runs.values_list("id", flat=True)))
