"""What people and programs do with runs; pages, API, commands and admin call the same functions."""

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from chatapp.chats.models import Message, MessageState, Role, Session
from runs import lifecycle
from runs.errors import ModelMissing, ModelUnknown, PromptEmpty, PromptTooLong
from runs.models import Model, Run
from runs.states import Trigger


def send(
    session: Session,
    text: str,
    *,
    user: AbstractBaseUser,
    model: str = "",
    trigger: Trigger = Trigger.CHAT,
    key: str = "",
) -> Run:
    """Add the user's message to the session and ask a model for the answer.

    `model` is the name of a Model; empty: the session's, else the default. `key` makes sending idempotent within the
    session: the same key again returns the first run and adds nothing (B22). Raises PromptEmpty, PromptTooLong,
    ModelUnknown or ModelMissing before anything is written. If the broker is down, the returned run has FAILED.
    """
    check_prompt(text)
    chosen = choose_model(model or session.model)
    with transaction.atomic():
        lifecycle.lock_session(session.id)
        if key and (earlier := _sent_before(session, key)):
            return earlier
        question = Message.objects.create(
            session=session, parent=_last_message(session), role=Role.USER, content=text, key=key or None
        )
        answer = Message.objects.create(
            session=session, parent=question, role=Role.ASSISTANT, state=MessageState.WAITING
        )
        run = lifecycle.enqueue(session, answer, chosen, trigger)
        session.model, session.active_at = chosen.name, timezone.now()
        session.save(update_fields=["model", "active_at"])
    run.refresh_from_db()
    return run


def check_prompt(text: str) -> None:
    """Raise PromptEmpty or PromptTooLong."""
    if not text.strip():
        raise PromptEmpty
    if len(text) > settings.PROMPT_MAX_CHARACTERS:
        raise PromptTooLong


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


def _last_message(session: Session) -> Message | None:
    return session.messages.order_by("-id").first()


def _sent_before(session: Session, key: str) -> Run | None:
    return Run.objects.filter(session=session, message__parent__key=key).order_by("id").first()
