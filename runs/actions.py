"""Actions on runs, shared by pages, API, commands and admin."""

import json
from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from chatapp.chats import storage_usage
from chatapp.chats.attachments import attach, full_text, remaining_files, stored_text
from chatapp.chats.models import Attachment, Message, MessageState, Role, Session
from chatapp.files.actions import hold
from chatapp.files.deletion import release_files
from runs.errors import (
    KeyReused,
    ModelMissing,
    ModelUnknown,
    NothingToContinue,
    SessionBusy,
    StillQueued,
)
from runs.lifecycle import attached, queue, stop, transitions
from runs.lifecycle.start import lock_session
from runs.limits import check_file_count, check_limits, check_prompt
from runs.message_files import check_images
from runs.models import Model, Run
from runs.options import Options
from runs.session_feed import session_changed, sessions_changed
from runs.states import StopReason, Trigger, WhenBusy
from streams.log import store

SUMMARY_QUESTION = (
    "Summarize our chat so far, so that we can go on here without it: what I asked for, what we found out and decided,"
    " the facts, names, numbers and code that matter, and what is still open."
)


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
    is_program: bool = False,
    prompt: Sequence[dict[str, Any]] | None = None,
    options: Options | None = None,
    fingerprint: str = "",
) -> Run:
    """Add the user's message to the session and request an answer to it.

    `files` are attached, not stored yet. `model` is the name of a Model; empty: the session's, else the default.
    `key` makes sending idempotent within the session: the same request again returns the first run and adds nothing,
    even if text, model or limits have changed since; a different request with this key is refused (B21, B22).
    `when_busy` says what to do while a run of the session is under way. An attached run ends when no viewer follows it
    (B42). `is_held` holds the session's queue, and the run waits in it until that is released. `is_program`: the limits
    of programs count. A program's message may be other than its `text`, which people read: its `prompt`, which goes
    upstream, and the `options` of this answer. `fingerprint` is that of its request, by default of text, model and
    `when_busy`. If the broker is down, the run has FAILED. An archived session is moved back into the list.

    Raises PromptEmpty, PromptTooLong, TooManyAttachments, ModelUnknown, ModelMissing, TooManyRuns, TooManySends,
    QuotaExceeded, FileUnknown, KeyReused or SessionBusy before anything is written.
    """
    if key and not fingerprint:
        stored = [str(file.file_id) for file in files if file.file_id]
        fingerprint = fingerprint_of(full_text(text, files), model, when_busy, *stored)
    with transaction.atomic():
        lock_session(session.id)
        if key and (earlier := earlier_run(session, key, fingerprint)):
            return earlier
        check_prompt(text, files, is_program=is_program)
        check_file_count(files)
        chosen = choose_model(model or session.model, _owner(session, user))
        check_images(files, chosen, _owner(session, user))
        check_limits(user, is_program=is_program)
        if when_busy == WhenBusy.REJECT and (running := session.runs.under_way().first()):
            raise SessionBusy(running.id)
        question = session.messages.create(
            role=Role.USER,
            content=stored_text(text),
            key=key or None,
            fingerprint=fingerprint if key else "",
            state=MessageState.WAITING,
            prompt=prompt,
        )
        attach_held(question, files)
        storage_usage.add(user.pk, _size(text, files) + storage_usage.size_of(json.dumps(prompt) if prompt else ""))
        where = {"by": user, "when_busy": when_busy, "is_held": is_held}
        run = queue.add_answer(session, question, chosen, trigger, **where, options=options, is_program=is_program)
        if is_attached:
            attached.attach(run)
        session.model, session.active_at, session.archived_at = chosen.name, timezone.now(), None
        session.save(update_fields=["model", "active_at", "archived_at"])
    run.refresh_from_db()
    return run


def answer_again(
    answer: Message,
    *,
    user: AbstractBaseUser,
    model: str = "",
    trigger: Trigger = Trigger.CHAT,
    options: Options | None = None,
    is_program: bool = False,
) -> Run:
    """Regenerate or retry: another answer to the same question. The run under way is stopped.

    `options` are a program's; a program that gives none repeats the request as it was. `is_program`: as for `send`.

    Raises ModelUnknown, ModelMissing, TooManyRuns, TooManySends, QuotaExceeded, StillQueued.
    """
    _check_not_queued(answer.parent)
    if options is None and trigger == Trigger.API:
        options = answer.runs.order_by("-id").values_list("options", flat=True).first()
    values = {"options": options, "is_program": is_program}
    return _answer_at_once(answer.session, answer.parent, user, model or answer.session.model, trigger, **values)


def edit_and_send(
    question: Message,
    text: str,
    *,
    dropped: Collection[UUID] = (),
    user: AbstractBaseUser,
    model: str = "",
    trigger: Trigger = Trigger.CHAT,
    options: Options | None = None,
) -> Run:
    """Send a new question in place of an earlier one; the old branch stays. The run under way is stopped (B40).

    Its files are copied, except those with ids in `dropped`. Raises the errors of `send`, except SessionBusy; and
    StillQueued.
    """
    _check_not_queued(question)
    files = remaining_files(question, dropped)
    check_prompt(text, files)
    with transaction.atomic():
        lock_session(question.session_id)
        other = Message.objects.create(
            session=question.session, parent=question.parent, role=Role.USER, content=stored_text(text)
        )
        attach_held(other, files)
        storage_usage.add(user.pk, _size(text, files))
        return _answer_at_once(question.session, other, user, model or question.session.model, trigger, options=options)


def continue_answer(
    answer: Message, *, user: AbstractBaseUser, trigger: Trigger = Trigger.CHAT, model: str = "", is_held: bool = False
) -> Run:
    """Continue: a new run extends the same message (B39). `model`: the name of a Model; empty: that of the last run.

    `is_held` holds the session's queue, as in `send`. Raises NothingToContinue while it is being written.
    """
    with transaction.atomic():
        lock_session(answer.session_id)
        last = answer.runs.order_by("-id").first()
        if last is None or not last.is_final:
            raise NothingToContinue
        chosen = choose_model(model or (last.model.name if last.model else ""), _owner(answer.session, user))
        check_limits(user)
        run = queue.add_continuation(answer, chosen, trigger, by=user, is_held=is_held)
        run.refresh_from_db()
    return run


def go_on_with_summary(session: Session, *, user: AbstractBaseUser, trigger: Trigger = Trigger.CHAT) -> Run:
    """Start a new session with a summary of this one, written by this session's model. Returns the summary's run.

    This session stays as it is. The new one has its settings, and its question leads to the messages of this one
    (`runs.upstream.context.chat_context`). Raises NothingToContinue and the errors of `send`.
    """
    if session.tip_id is None:
        raise NothingToContinue
    usable = Model.objects.usable_by(_owner(session, user))
    model = session.model if usable.filter(name=session.model).exists() else ""
    with transaction.atomic():
        following = Session.objects.create(
            owner_id=session.owner_id,
            summary_of=session,
            title=session.title,
            system_prompt=session.system_prompt,
            temperature=session.temperature,
            max_tokens=session.max_tokens,
            reasoning_effort=session.reasoning_effort,
        )
        return send(following, SUMMARY_QUESTION, user=user, model=model, trigger=trigger)


def delete_session(session: Session, *, by: AbstractBaseUser) -> None:
    """Stop all runs of a session and delete it. Late writes of workers cannot bring anything back (B40).

    Each stream keeps its final event, which holds no text: it fences a writer that does not know of the Stop yet.
    """
    with transaction.atomic():
        lock_session(session.id)
        runs = list(Run.objects.filter(session=session))
        for run in runs:
            if not run.is_final:
                stop.record_stop_request(run, by, StopReason.USER)
                transitions.stop(run.id)
                stop.interrupt_on_commit(run)
            store.keep_final(run.id)
        session.delete()
        storage_usage.changed(session.owner_id)
        release_files(session.owner_id)
        sessions_changed(session.owner_id)


def delete_user(user: AbstractBaseUser, *, by: AbstractBaseUser) -> None:
    """Disable the account, stop its runs, and delete the user with everything that is theirs."""
    type(user).objects.filter(pk=user.pk).update(is_active=False)  # so that no new run starts meanwhile
    for session in Session.objects.filter(owner=user):
        delete_session(session, by=by)
    user.delete()


def mark_read(session: Session) -> None:
    """Clear the unread badge: the owner has the session on screen."""
    if session.news and Session.objects.filter(pk=session.pk).exclude(news="").update(news=""):
        session_changed(session.pk)


def attach_held(message: Message, files: Sequence[Attachment]) -> None:
    """Attach files, whose contents are held from now on. Raises FileUnknown."""
    hold(message.session.owner_id, {file.file_id for file in files if file.file_id})
    attach(message, files)


def _size(text: str, files: Iterable[Attachment]) -> int:
    """Bytes of text."""
    return storage_usage.size_of(text) + sum(file.size for file in files if file.file_id is None)


def _check_not_queued(question: Message) -> None:
    """Raise StillQueued for a question in the queue: it is on no branch yet, so it has no versions."""
    if question.state == MessageState.WAITING:
        raise StillQueued


def choose_model(name: str, owner: AbstractBaseUser) -> Model:
    """The model of this name, if the owner of the session may use it; without a name the default, or the first of
    those. Raises ModelUnknown, ModelMissing."""
    models = Model.objects.usable_by(owner)
    if name:
        model = models.filter(name=name).first()
        if model is None:
            raise ModelUnknown
        return model
    model = Model.objects.for_chats_of(owner).first()  # ordered: the default one comes first
    if model is None:
        raise ModelMissing
    return model


def _owner(session: Session, user: AbstractBaseUser) -> AbstractBaseUser:
    """The owner of the session, whose models count: usually the user, but staff retry answers of others."""
    return user if user.pk == session.owner_id else session.owner


def _answer_at_once(
    session: Session,
    question: Message,
    user: AbstractBaseUser,
    model: str,
    trigger: Trigger,
    *,
    options: Options | None = None,
    is_program: bool = False,
) -> Run:
    """A new answer ahead of the queue; the run under way is stopped in its favour."""
    chosen = choose_model(model, _owner(session, user))
    check_images(question.attachments.all(), chosen, _owner(session, user))
    with transaction.atomic():
        lock_session(session.id)
        check_limits(user, is_program=is_program)
        where = {"by": user, "when_busy": WhenBusy.REPLACE}
        run = queue.add_answer(session, question, chosen, trigger, **where, options=options, is_program=is_program)
    run.refresh_from_db()
    return run


def fingerprint_of(*request: object) -> str:
    return sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def earlier_run(session: Session, key: str, fingerprint: str) -> Run | None:
    """The run of the message that was sent with this key, if there is one. Raises KeyReused."""
    question = session.messages.filter(key=key).first()
    if question is None:
        return None
    if question.fingerprint != fingerprint:  # not the text: it may have been edited in the queue since
        raise KeyReused
    return Run.objects.filter(message__parent=question).order_by("id").first()
