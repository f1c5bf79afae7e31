"""What people and programs do with runs; pages, API, commands and admin call the same functions."""

import json
from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from chatapp.chats import stored
from chatapp.chats.attachments import attach, kept_files, own_words, whole
from chatapp.chats.models import Attachment, Message, MessageState, Role, Session
from runs.errors import (
    KeyReused,
    ModelMissing,
    ModelUnknown,
    NothingToContinue,
    SessionBusy,
    StillQueued,
    TooManyAttachments,
)
from runs.lifecycle import attached, transitions
from runs.limits import check_limits, check_prompt
from runs.models import Model, Run
from runs.session_feed import session_changed, sessions_changed
from runs.states import StopReason, Trigger, WhenBusy
from streams.log import store

FAR_BEHIND = 1_000_000  # position of what is enqueued; what goes to the head counts down from there


def send(
    session: Session,
    text: str,
    *,
    files: Sequence[Attachment] = (),
    user: AbstractBaseUser,
    model: str = "",
    trigger: Trigger = Trigger.CHAT,
    key: str = "",
    when_busy: WhenBusy = WhenBusy.ENQUEUE,
    is_attached: bool = False,
    is_held: bool = False,
) -> Run:
    """Add the user's message to the session and ask a model for the answer.

    `files` go with it; they are not stored yet. `model` is the name of a Model; empty: the session's, else the default.
    `key` makes sending idempotent within the session: the same request again returns the first run and adds nothing,
    whatever has become of text, model and limits since; another one with this key is refused (B21, B22). `when_busy`
    says what to do while an answer of the session is on its way. An attached run ends when nobody follows it (B42).
    `is_held` holds the session's queue, and the run waits in it until somebody releases that. If the broker is down,
    the run has FAILED. A session in the archive comes back from there.

    Raises PromptEmpty, PromptTooLong, TooManyAttachments, ModelUnknown, ModelMissing, TooManyRuns, TooManySends,
    QuotaExceeded, KeyReused or SessionBusy before anything is written.
    """
    fingerprint = _fingerprint(whole(text, files), model, when_busy) if key else ""
    with transaction.atomic():
        transitions.lock_session(session.id)
        if key and (earlier := _sent_before(session, key, fingerprint)):
            return earlier
        check_prompt(text, files)
        if len(files) > settings.PROMPT_MAX_FILES:
            raise TooManyAttachments
        chosen = choose_model(model or session.model)
        check_limits(user)
        running = session.runs.under_way().first()
        if running and when_busy == WhenBusy.REJECT:
            raise SessionBusy(running.id)
        question = session.messages.create(
            role=Role.USER,
            content=own_words(text),
            key=key or None,
            fingerprint=fingerprint,
            state=MessageState.WAITING,
        )
        attach(question, files)
        stored.add(user.pk, _size(text, files))
        run = _ask(session, question, chosen, trigger, position=_position(session, when_busy), is_held=is_held)
        if running and when_busy == WhenBusy.REPLACE:
            _replace(running, user)
        if is_attached:
            attached.attach(run)
        session.model, session.active_at, session.archived_at = chosen.name, timezone.now(), None
        session.save(update_fields=["model", "active_at", "archived_at"])
    run.refresh_from_db()
    return run


def answer_again(answer: Message, *, user: AbstractBaseUser, model: str = "", trigger: Trigger = Trigger.CHAT) -> Run:
    """Regenerate or retry: another answer to the same question, beside this one. The session's active run is stopped.

    Raises ModelUnknown, ModelMissing, TooManyRuns, TooManySends, QuotaExceeded, StillQueued.
    """
    _check_was_asked(answer.parent)
    return _ask_at_once(answer.session, answer.parent, user, model or answer.session.model, trigger)


def edit_and_send(
    question: Message,
    text: str,
    *,
    dropped: Collection[UUID] = (),
    user: AbstractBaseUser,
    model: str = "",
    trigger: Trigger = Trigger.CHAT,
) -> Run:
    """Ask something else in the place of an earlier question; the old branch stays. The active run is stopped (B40).

    Its files go with the new one, but for those whose ids are `dropped`. Raises what `send` raises, but for
    SessionBusy; and StillQueued.
    """
    _check_was_asked(question)
    files = kept_files(question, dropped)
    check_prompt(text, files)
    with transaction.atomic():
        transitions.lock_session(question.session_id)
        other = Message.objects.create(
            session=question.session, parent=question.parent, role=Role.USER, content=own_words(text)
        )
        attach(other, files)
        stored.add(user.pk, _size(text, files))
        return _ask_at_once(question.session, other, user, model or question.session.model, trigger)


def go_on(answer: Message, *, user: AbstractBaseUser, trigger: Trigger = Trigger.CHAT) -> Run:
    """Continue: the same message grows, by a new run (B39). Raises NothingToContinue while it is being written."""
    with transaction.atomic():
        transitions.lock_session(answer.session_id)
        last = answer.runs.order_by("-id").first()
        if last is None or not last.is_final:
            raise NothingToContinue
        model = last.model.name if last.model else ""
        return _ask_at_once(answer.session, answer.parent, user, model, trigger, continued=answer)


def delete_session(session: Session, *, by: AbstractBaseUser) -> None:
    """Stop what runs and delete everything. What was still on its way can not bring anything back (B40).

    Each stream keeps its final event, which holds no text: it fences a writer that has not heard of the Stop yet.
    """
    with transaction.atomic():
        transitions.lock_session(session.id)
        runs = list(Run.objects.filter(session=session))
        for run in runs:
            if not run.is_final:
                transitions.ask_to_stop(run, by, StopReason.USER)
                transitions.stop(run.id)
                transitions.interrupt_task(run)
            store.keep_final(run.id)
        session.delete()
        stored.changed(session.owner_id)
        sessions_changed(session.owner_id)


def delete_user(user: AbstractBaseUser, *, by: AbstractBaseUser) -> None:
    """Log the user out for good, stop what runs, and delete everything that is theirs."""
    type(user).objects.filter(pk=user.pk).update(is_active=False)  # so that nothing new begins meanwhile
    for session in Session.objects.filter(owner=user):
        delete_session(session, by=by)
    user.delete()


def see(session: Session) -> None:
    """Its owner has the session before him: nothing in it is news any more."""
    if session.news and Session.objects.filter(pk=session.pk).exclude(news="").update(news=""):
        session_changed(session.pk)


def _size(text: str, files: Iterable[Attachment]) -> int:
    return len(text.encode(errors="replace")) + sum(file.size for file in files)


def _check_was_asked(question: Message) -> None:
    """A question in the queue has no place yet beside which another answer, or another question, could stand."""
    if question.state == MessageState.WAITING:
        raise StillQueued


def choose_model(name: str) -> Model:
    """The enabled model of this name; without a name the default one. Raises ModelUnknown, ModelMissing."""
    models = Model.objects.filter(enabled=True)
    if name:
        model = models.filter(name=name).first()
        if model is None:
            raise ModelUnknown
        return model
    model = models.first()  # ordered: the default one comes first
    if model is None:
        raise ModelMissing
    return model


def _ask(
    session: Session, question: Message, model: Model, trigger: Trigger, position: int, is_held: bool = False
) -> Run:
    """A run for an answer to `question`: started if it is its turn, else waiting.

    Nothing may be under way although others wait: the one before has just ended, or could start nothing. Then it
    is their turn, unless the queue is held: what is sent meanwhile goes ahead of what is held.
    """
    is_idle = not session.runs.under_way().exists()
    answer = Message.objects.create(session=session, parent=question, role=Role.ASSISTANT, state=MessageState.WAITING)
    run = transitions.enqueue(session, answer, model, trigger, position=position)
    if is_held:
        transitions.hold(session.id)
    elif is_idle and (transitions.is_queue_held(session.id) or transitions.head_of_queue(session.id) == run):
        transitions.place(answer)
        transitions.start(run.id, transitions.fail_start)
    elif is_idle:
        transitions.start_next(session.id)
    return run


def _ask_at_once(
    session: Session,
    question: Message,
    user: AbstractBaseUser,
    model: str,
    trigger: Trigger,
    continued: Message | None = None,
) -> Run:
    """A run ahead of the queue; what is under way in the session is stopped for it."""
    chosen = choose_model(model)
    with transaction.atomic():
        transitions.lock_session(session.id)
        check_limits(user)
        running = session.runs.under_way().first()
        position = _position(session, WhenBusy.REPLACE)
        if continued is None:
            run = _ask(session, question, chosen, trigger, position)
        else:
            Message.objects.filter(pk=continued.pk).update(state=MessageState.WAITING)
            run = transitions.enqueue(session, continued, chosen, trigger, position=position, is_continuation=True)
            if running is None:
                transitions.place(continued)
                transitions.start(run.id, transitions.fail_start)
        if running is not None:
            _replace(running, user)
    run.refresh_from_db()
    return run


def _replace(running: Run, user: AbstractBaseUser) -> None:
    """Stop a run for the sake of the head of the queue, which starts when the partial is saved (B17)."""
    transitions.ask_to_stop(running, user, StopReason.REPLACED)
    transaction.on_commit(lambda: transitions.see_to_stop(running))


def _position(session: Session, when_busy: WhenBusy) -> int:
    if when_busy != WhenBusy.REPLACE:
        return FAR_BEHIND
    first = Run.objects.filter(session=session).in_queue().aggregate(first=Min("position"))["first"]
    return FAR_BEHIND - 1 if first is None else first - 1


def _fingerprint(*request: str) -> str:
    return sha256(json.dumps(request).encode()).hexdigest()


def _sent_before(session: Session, key: str, fingerprint: str) -> Run | None:
    question = session.messages.filter(key=key).first()
    if question is None:
        return None
    if question.fingerprint != fingerprint:  # its text may have been edited since, in the queue
        raise KeyReused
    return Run.objects.filter(message__parent=question).order_by("id").first()
