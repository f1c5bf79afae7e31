"""The queue of a session: what waits behind an answer can be edited, removed, cleared, sent now or released (B18).

A message in the queue has a run that is QUEUED without a task. Each function takes the session's lock, and raises
NotQueued for a run whose turn has come meanwhile.
"""

from collections.abc import Collection
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Min

from chatapp.chats.attachments import kept_files, own_words
from chatapp.chats.models import Message, MessageState, Session
from runs.errors import NotQueued
from runs.lifecycle import transitions
from runs.limits import check_prompt
from runs.models import Run
from runs.states import StopReason
from streams.log import store


def waiting(session: Session):
    """The runs in the session's queue, the next one first."""
    runs = Run.objects.filter(session=session).in_queue().select_related("message__parent", "model")
    return runs.prefetch_related("message__parent__attachments")


@transaction.atomic
def edit(run: Run, text: str, dropped: Collection[UUID] = ()) -> None:
    """Change the text of a message that waits; its files stay, but for those whose ids are `dropped`.

    Raises PromptEmpty, PromptTooLong, NotQueued. A question that has been answered before is not edited: what waits is
    another answer to it.
    """
    run = _queued(run)
    question = Message.objects.filter(pk=run.message.parent_id, state=MessageState.WAITING).first()
    if question is None:
        raise NotQueued
    check_prompt(text, kept_files(question, dropped))
    Message.objects.filter(pk=question.pk).update(content=own_words(text))
    question.attachments.filter(pk__in=dropped).delete()


@transaction.atomic
def remove(run: Run, *, by: AbstractBaseUser) -> None:
    """Take a message out of the queue, as if it had not been sent; followers are told. Raises NotQueued.

    Of an answer that was to be continued only the new run ends: what has been written stays.
    """
    _remove(_queued(run), by)


@transaction.atomic
def clear(session: Session, *, by: AbstractBaseUser) -> int:
    """Empty the queue. Returns how many messages were in it."""
    transitions.lock_session(session.id)
    runs = list(waiting(session))
    for run in runs:
        _remove(run, by)
    _release(session)
    return len(runs)


@transaction.atomic
def send_now(run: Run, *, by: AbstractBaseUser) -> None:
    """Put a message at the head of the queue and start it: at once, or when what runs has been stopped.

    Raises NotQueued. It starts although the queue is held; the others stay held.
    """
    run = _queued(run)
    first = waiting(run.session).aggregate(first=Min("position"))["first"]
    Run.objects.filter(pk=run.pk).update(position=first - 1)
    running = run.session.runs.under_way().first()
    if running is None:
        transitions.place(run.message)
        transitions.start(run.id, transitions.fail_start)
    else:
        transitions.ask_to_stop(running, by, StopReason.REPLACED)
        transaction.on_commit(lambda: transitions.see_to_stop(running))


@transaction.atomic
def release(session: Session) -> None:
    """Let a held queue go on."""
    transitions.lock_session(session.id)
    _release(session)
    transitions.start_next(session.id)


def _release(session: Session) -> None:
    Session.objects.filter(pk=session.pk).update(is_queue_held=False)


def _queued(run: Run) -> Run:
    transitions.lock_session(run.session_id)
    found = Run.objects.in_queue().select_for_update(of=("self",)).select_related("message", "session")
    found = found.filter(pk=run.pk).first()
    if found is None:
        raise NotQueued
    return found


def _remove(run: Run, by: AbstractBaseUser) -> None:
    shown = Session.objects.values_list("tip", flat=True).get(pk=run.session_id)
    transitions.ask_to_stop(run, by, StopReason.USER)
    transitions.stop(run.id)
    Session.objects.filter(pk=run.session_id).update(tip=shown)
    if run.is_continuation:
        return
    store.keep_final(run.id)
    answer, question = run.message, run.message.parent
    run.delete()
    answer.delete()
    if not question.children.exists():
        question.delete()
