"""The queue of a session: where a new run goes, and users' actions on queued messages (B18).

A message in the queue has a run that is QUEUED without a task. The functions for users take the session's lock, and
raise NotQueued for a run whose turn has come meanwhile.
"""

from collections.abc import Collection
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Min, QuerySet

from chatapp.chats.attachments import remaining_files, stored_text
from chatapp.chats.models import Message, MessageState, Role, Session
from chatapp.files.deletion import release_files
from runs.errors import NotQueued
from runs.lifecycle import transitions
from runs.lifecycle.start import head_of_queue, is_queue_held, lock_session, start, start_next
from runs.lifecycle.stop import apply_stop_request, record_stop_request
from runs.limits import check_prompt
from runs.models import Model, Run
from runs.session_feed import session_changed
from runs.states import StopReason, Trigger, WhenBusy
from streams.log import store

FAR_BEHIND = 1_000_000  # position of what is enqueued; what goes to the head counts down from there


def add_answer(
    session: Session,
    question: Message,
    model: Model,
    trigger: Trigger,
    *,
    by: AbstractBaseUser,
    when_busy: WhenBusy = WhenBusy.ENQUEUE,
    is_held: bool = False,
    **values: object,
) -> Run:
    """A run for a new answer to `question`: started if it is its turn, else waiting. The caller holds the lock.

    With REPLACE it goes to the head, and the run under way is stopped. Others may be waiting although none is under
    way: the previous run has just ended, or could not start the next one. Then they are next, unless the queue is held:
    messages sent meanwhile go ahead of a held queue. `is_held` holds the queue, including this run. `values`: other
    fields of the run.
    """
    running = session.runs.under_way().first()
    position = _position(session, when_busy)
    answer = Message.objects.create(session=session, parent=question, role=Role.ASSISTANT, state=MessageState.WAITING)
    run = transitions.enqueue(session, answer, model, trigger, position=position, **values)
    if running is not None or is_held:
        session_changed(session.id)  # other pages of the chat show the queue, too
    if is_held:
        hold(session.id)
    elif running is None and (is_queue_held(session.id) or head_of_queue(session.id) == run):
        _start_now(run, answer)
    elif running is None:
        start_next(session.id)
    if running is not None and when_busy == WhenBusy.REPLACE:
        _replace(running, by, None if is_held else run)
    return run


def add_continuation(
    answer: Message, model: Model, trigger: Trigger, *, by: AbstractBaseUser, is_held: bool = False
) -> Run:
    """A run that continues `answer`, ahead of the queue; the run under way is stopped. The caller holds the lock.

    `is_held` holds the queue, including this run.
    """
    session = answer.session
    running = session.runs.under_way().first()
    position = _position(session, WhenBusy.REPLACE)
    Message.objects.filter(pk=answer.pk).update(state=MessageState.WAITING)
    run = transitions.enqueue(session, answer, model, trigger, position=position, is_continuation=True)
    if is_held:
        hold(session.id)
    elif running is None:
        _start_now(run, answer)
    if running is not None:
        _replace(running, by, None if is_held else run)
    return run


def _position(session: Session, when_busy: WhenBusy) -> int:
    if when_busy != WhenBusy.REPLACE:
        return FAR_BEHIND
    first = Run.objects.filter(session=session).in_queue().aggregate(first=Min("position"))["first"]
    return FAR_BEHIND - 1 if first is None else first - 1


def _start_now(run: Run, answer: Message) -> None:
    """Start a run for a waiting user: if the broker is down, it fails at once (B11)."""
    transitions.attach_to_branch(answer)
    start(run.id, transitions.fail_start)


def _replace(running: Run, by: AbstractBaseUser, successor: Run | None) -> None:
    """Stop a run in favour of the head of the queue, which starts when the partial answer is saved (B17).

    `successor` starts even if the queue is held, or if the end of `running` holds it: it ends by a Stop that was
    requested before, or it fails. None: it is held, too.
    """
    if successor is not None:
        Session.objects.filter(pk=running.session_id).update(sent_now=successor.pk)
    record_stop_request(running, by, StopReason.REPLACED)
    transaction.on_commit(lambda: apply_stop_request(running))


def active_runs(session: Session) -> QuerySet[Run]:
    """The run under way and those in the queue, next one first, with their messages, questions and models."""
    runs = session.runs.active().order_by("position", "id")
    return runs.select_related("message__parent", "model")


def waiting(session: Session) -> QuerySet[Run]:
    """The runs in the session's queue, next one first."""
    runs = Run.objects.filter(session=session).in_queue().select_related("message__parent", "model")
    return runs.prefetch_related("message__parent__attachments")


@transaction.atomic
def edit(run: Run, text: str, dropped: Collection[UUID] = ()) -> None:
    """Change the text of a queued message; its files stay, except those with ids in `dropped`.

    Raises PromptEmpty, PromptTooLong, NotQueued. A
    question that has an answer cannot be edited: the queued run is another answer to it.
    """
    run = _queued(run)
    question = Message.objects.filter(pk=run.message.parent_id, state=MessageState.WAITING).first()
    if question is None:
        raise NotQueued
    check_prompt(text, remaining_files(question, dropped))
    Message.objects.filter(pk=question.pk).update(content=stored_text(text), prompt=None)
    question.attachments.filter(pk__in=dropped).delete()
    release_files(run.session.owner_id)


@transaction.atomic
def remove(run: Run, *, by: AbstractBaseUser) -> None:
    """Remove a message from the queue as if it had not been sent; followers are notified. Raises NotQueued.

    Of an answer that was to be continued only the new run ends: what has been written stays.
    """
    _remove(_queued(run), by)


@transaction.atomic
def clear(session: Session, *, by: AbstractBaseUser) -> int:
    """Empty the queue. Returns how many messages were in it."""
    lock_session(session.id)
    runs = list(waiting(session))
    for run in runs:
        _remove(run, by)
    _release(session)
    return len(runs)


@transaction.atomic
def send_now(run: Run, *, by: AbstractBaseUser) -> None:
    """Put a message at the head of the queue and start it: at once, or when the run under way has been stopped.

    Raises NotQueued. It starts although the queue is held; the others stay held.
    """
    run = _queued(run)
    session_changed(run.session_id)
    first = waiting(run.session).aggregate(first=Min("position"))["first"]
    Run.objects.filter(pk=run.pk).update(position=first - 1)
    running = run.session.runs.under_way().first()
    if running is None:
        _start_now(run, run.message)
    else:
        _replace(running, by, run)


def hold(session_id: UUID) -> None:
    """Hold the session's queue until it is released."""
    Session.objects.filter(pk=session_id).update(is_queue_held=True)


@transaction.atomic
def release(session: Session) -> None:
    """Resume a held queue."""
    lock_session(session.id)
    _release(session)
    start_next(session.id)


def _release(session: Session) -> None:
    Session.objects.filter(pk=session.pk).update(is_queue_held=False)
    session_changed(session.pk)


def _queued(run: Run) -> Run:
    """The run, locked, if it is still in the queue. Raises NotQueued."""
    lock_session(run.session_id)
    queued = Run.objects.in_queue().select_for_update(of=("self",)).select_related("message", "session")
    queued = queued.filter(pk=run.pk).first()
    if queued is None:
        raise NotQueued
    return queued


def _remove(run: Run, by: AbstractBaseUser) -> None:
    tip = Session.objects.values_list("tip", flat=True).get(pk=run.session_id)
    record_stop_request(run, by, StopReason.USER)
    transitions.stop(run.id)
    Session.objects.filter(pk=run.session_id).update(tip=tip)
    if run.is_continuation:
        return
    store.keep_final(run.id)
    answer, question = run.message, run.message.parent
    run.delete()
    answer.delete()
    if not question.children.exists():
        question.delete()
        release_files(run.session.owner_id)
