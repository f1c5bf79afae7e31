"""The moves between a run's states. Nothing else writes a run's status.

Each move is one transaction: a conditional UPDATE that says which states it leaves from, the event in the log, the
message. The loser of a race finds no row to update and does nothing. After the commit the event is announced and the
session's next run is started. What can still go wrong after a commit: the announcement is lost (followers notice), or
the start of the next run is (`runs.lifecycle.start`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Subquery

from chatapp.chats import storage_usage
from chatapp.chats.actions import html_due
from chatapp.chats.models import Message, MessageState, News, Session
from runs import clock
from runs.error_details import shorten
from runs.errors import RunError
from runs.lifecycle import dispatch
from runs.lifecycle.segments import earlier_segments
from runs.lifecycle.start import head_of_queue, lock_session_of, start_next
from runs.models import Model, Run, Worker
from runs.session_feed import session_changed, sessions_changed
from runs.signals import ended
from runs.states import ACTIVE, LostReason, Notify, Status, StopReason, Trigger
from runs.upstream.titles import may_request_title
from streams.delivery.announce import announce
from streams.events import Event, Folded, Kind
from streams.log import store
from streams.models import LoggedEvent

MOVE_TRIES = 20  # a move is tried again when the run's own writer took the next seq; it stops writing soon

LOST_MESSAGES = {
    LostReason.LEASE: "The process that was writing this answer ended unexpectedly.",
    LostReason.INTERRUPTED: "The server stopped before the answer was finished.",
    LostReason.RESTART: "The server was restarted.",
}

NEWS = {
    Status.COMPLETED: News.UNREAD,
    Status.FAILED: News.FAILED,
    Status.LOST: News.FAILED,
}  # a Stop sets no unread badge


@dataclass(frozen=True)
class End:
    """The end of a run: the final event, and the fields of its row."""

    status: Status
    kind: Kind
    data: dict
    state: MessageState
    fields: dict = field(default_factory=dict)


def enqueue(session: Session, message: Message, model: Model | None, trigger: Trigger, **values: object) -> Run:
    """() -> QUEUED: a run that will write `message`. The caller's transaction holds the session's lock.

    It has no task yet: the caller decides between `start`, `start_next` and leaving it to its turn.
    """
    if head_of_queue(session.id) is None:  # the held messages are gone, so the hold ends
        Session.objects.filter(pk=session.id, is_queue_held=True).update(is_queue_held=False)
    run = Run.objects.create(session=session, message=message, model=model, trigger=trigger, **values)
    _announce_on_commit(store.append(run.id, (Kind.QUEUED, {})))
    if session.is_listed:
        sessions_changed(session.owner_id)
    return run


def fail_start(run_id: UUID, task_id: UUID, error: RunError) -> None:
    """`start`'s on_failure for a run that a user has just requested: it fails at once (B11)."""
    fail(run_id, error)


def claim(run_id: UUID, task_id: UUID, worker: Worker) -> tuple[Run, int] | None:
    """QUEUED -> RUNNING, by the task that the run was given. Returns the run and the seq after which to write.

    None: this task must not execute the run: it has ended, has another task, or waits for another run of its session.
    """
    try:
        with transaction.atomic():
            lock_session_of(run_id)
            waiting = Run.objects.filter(pk=run_id, task_id=task_id, status=Status.QUEUED, stop_requested_at=None)
            if not waiting.update(status=Status.RUNNING, worker=worker, started_at=clock.now(), attempt=1):
                return _refuse_claim(run_id)
            events = store.append(run_id, (Kind.STARTED, {}))
            run = Run.objects.select_related("session__owner", "message__parent", "model__provider").get(pk=run_id)
            attach_to_branch(run.message)
            Message.objects.filter(pk=run.message_id).update(state=MessageState.ANSWERING)
            _announce_on_commit(events)
            session_changed(run.session_id)
    except IntegrityError:
        _back_to_queue(run_id, task_id)
        return None
    return run, events[-1].seq


def attach_to_branch(answer: Message) -> None:
    """Make an answer the tip of its session; a question that waited becomes the child of the tip before (B18)."""
    tip = Session.objects.filter(pk=answer.session_id).values("tip")
    waiting = Message.objects.filter(pk=answer.parent_id, state=MessageState.WAITING)
    waiting.update(parent=Subquery(tip), state=MessageState.COMPLETE)
    Session.objects.filter(pk=answer.session_id).update(tip=answer)


def _refuse_claim(run_id: UUID) -> None:
    """Make the move of a Stop that was requested while the run waited, should it have been lost."""
    if Run.objects.filter(pk=run_id, status=Status.QUEUED, stop_requested_at__isnull=False).exists():
        stop(run_id)


def _back_to_queue(run_id: UUID, task_id: UUID) -> None:
    """Wait again: another run of the session is running (B16). It may have ended by now, so start the next."""
    Run.objects.filter(pk=run_id, task_id=task_id, status=Status.QUEUED).update(task_id=None)
    start_next(Run.objects.values_list("session_id", flat=True).get(pk=run_id))


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
    """QUEUED | RUNNING -> STOPPED, for the reason in the request. The text so far is kept."""
    requested = Run.objects.filter(pk=run_id).values_list("stop_reason", flat=True).first()
    reason = StopReason(requested or StopReason.USER)
    data = {"reason": reason.value}
    return _finish(run_id, End(Status.STOPPED, Kind.STOPPED, data, MessageState.STOPPED, {"reason": reason}))


def fail(run_id: UUID, error: RunError, trace: str = "", report: dict | None = None) -> bool:
    """QUEUED | RUNNING -> FAILED. `trace` is for staff, `report` for programs; the caller has redacted both."""
    data = {"code": error.code, "message": error.message, "retryable": error.retryable, **(report or {})}
    fields = {
        "code": error.code,
        "error": error.message,
        "retryable": error.retryable,
        "trace": shorten(trace or str(error)),
    }
    return _finish(run_id, End(Status.FAILED, Kind.FAILED, data, MessageState.FAILED, fields))


def lose(run_id: UUID, reason: LostReason) -> bool:
    """QUEUED | RUNNING -> LOST. The text so far is kept."""
    data = {"reason": reason.value, "message": LOST_MESSAGES[reason]}
    return _finish(run_id, End(Status.LOST, Kind.LOST, data, MessageState.LOST, {"reason": reason, "retryable": True}))


def interrupt(run_id: UUID, reason: LostReason = LostReason.INTERRUPTED) -> bool:
    """QUEUED | RUNNING -> STOPPED if a Stop was requested, else LOST: inside a task, a deploy looks like a Stop."""
    if Run.objects.filter(pk=run_id, stop_requested_at__isnull=False).exists():
        return stop(run_id)
    return lose(run_id, reason)


def _finish(run_id: UUID, end: End, leaves: Sequence[Status] = ACTIVE) -> bool:
    """Make the final move, again as a whole when the run's own writer took the seq of the final event."""
    for _ in range(MOVE_TRIES):
        try:
            with transaction.atomic():
                return _finish_once(run_id, end, leaves)
        except IntegrityError:
            continue
    raise RuntimeError(f"run {run_id} could not be ended: its writer does not stop")


def _finish_once(run_id: UUID, end: End, leaves: Sequence[Status]) -> bool:
    lock_session_of(run_id)
    leaving = Run.objects.filter(pk=run_id, status__in=leaves)
    won = leaving.update(status=end.status, finished_at=clock.now(), **end.fields)
    if not won:
        return False
    run = Run.objects.select_related("message", "session", "model").get(pk=run_id)
    events = store.append(run_id, (end.kind, end.data))
    folded = store.fold_stream(run_id)
    counts = [folded.usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    Run.objects.filter(pk=run_id).update(
        last_seq=folded.last_seq,
        text_characters=len(folded.text),
        reasoning_characters=len(folded.reasoning),
        tool_calls=len(folded.tools),
        first_token_at=_first_token_at(run_id),
        attempt=run.attempt and run.attempt + folded.retries,
        prompt_tokens=counts[0],
        completion_tokens=counts[1],
        cost=run.model.cost_of(*counts) if run.model else None,
        sources=folded.sources or None,
        cached_tokens=folded.usage.get("cached_tokens"),
        reasoning_tokens=folded.usage.get("reasoning_tokens"),
    )
    if run.started_at is None:
        attach_to_branch(run.message)  # it never started; attach it where it would have been answered
    before = earlier_segments(run)
    content = before.text + folded.text
    Message.objects.filter(pk=run.message_id).update(
        content=content,
        reasoning=before.reasoning + folded.reasoning,
        tools=before.tools + folded.tools,
        state=end.state,
        **html_due(content),
    )
    storage_usage.add(run.session.owner_id, _size(folded))
    _hold_queue(run, end)
    news = _news_of(run, end)
    Session.objects.filter(pk=run.session_id).update(active_at=run.finished_at, **news)
    _announce_on_commit(events)
    session_changed(run.session_id, ended=run.id if news or run.tells == Notify.ALL else None)
    transaction.on_commit(partial(start_next, run.session_id))
    transaction.on_commit(partial(ended.send_robust, Run, run_id=run_id))
    if end.status == Status.COMPLETED and settings.TITLES and may_request_title(run.session):
        transaction.on_commit(partial(dispatch.request_title, run.id))
    return True


def _size(folded: Folded) -> int:
    """Bytes of the text that a run has written."""
    return storage_usage.size_of(folded.text, folded.reasoning, *(tool["arguments"] for tool in folded.tools))


def _news_of(run: Run, end: End) -> dict[str, News]:
    news = NEWS.get(end.status)
    is_notified = run.tells == Notify.ALL or (run.tells == Notify.FAILURES and news == News.FAILED)
    return {"news": news} if news and is_notified else {}


def _hold_queue(run: Run, end: End) -> None:
    """Hold the queue after a Stop or a failure, until a user sends or discards it (B19)."""
    replaced = end.fields.get("reason") == StopReason.REPLACED
    if end.status != Status.COMPLETED and run.started_at and not replaced:
        waiting = Run.objects.filter(session_id=run.session_id).in_queue()
        Session.objects.filter(pk=run.session_id, pk__in=waiting.values("session_id")).update(is_queue_held=True)


def _first_token_at(run_id: UUID) -> datetime | None:
    tokens = LoggedEvent.objects.filter(stream=run_id, kind__in=[Kind.TEXT, Kind.REASONING, Kind.TOOL])
    return tokens.order_by("seq").values_list("at", flat=True).first()


def _announce_on_commit(events: list[Event]) -> None:
    transaction.on_commit(partial(announce, events))
