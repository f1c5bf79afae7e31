"""A chat of the AI SDK is a session. Its client names it, and the messages that it sends; both names stay valid."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q

from chatapp.chats.actions import id_of_session, start_session
from chatapp.chats.models import Message, Role, Session
from chatapp.chats.tree import Tree
from chatapp.errors import AppError
from runs import actions
from runs.models import Run
from runs.states import StopReason, Trigger, WhenBusy


class NoSuchMessage(AppError):
    """The chat has no message of this name, or none that could be answered again."""

    code = "not_found"
    status = 404


@dataclass(frozen=True)
class Asked:
    """What a client wants: message `name` answered; in the place of that one, if `is_edit`; again, if `is_again`."""

    name: str
    text: str
    is_edit: bool = False
    is_again: bool = False
    model: str = ""
    when_busy: WhenBusy = WhenBusy.ENQUEUE


def find_chat(user: AbstractBaseUser, name: str) -> Session | None:
    """The session of this id, or the one that a client of this user has begun under this name."""
    sessions = Session.objects.visible_to(user)
    known = Q(pk=id_of_session(user, _key(name)))
    if (pk := _as_uuid(name)) is not None:
        known |= Q(pk=pk)
    return sessions.filter(known).first()


def begin_chat(user: AbstractBaseUser, name: str) -> Session:
    """As `find_chat`, but a new name begins a session. What it is to somebody else does not matter (B55)."""
    return find_chat(user, name) or start_session(user, _key(name))


def ask(session: Session, user: AbstractBaseUser, asked: Asked) -> Run:
    """The run that does what was asked. A message that was sent before is not sent again (B21): its run is returned.

    Raises NoSuchMessage, and what `runs.actions` raises.
    """
    if asked.is_again:
        answer = _answer(session, asked.name)
        return actions.answer_again(answer, user=user, model=asked.model, trigger=Trigger.API)
    if asked.is_edit:
        question = _message(session, asked.name)
        if question.role != Role.USER:
            raise NoSuchMessage
        return actions.edit_and_send(question, asked.text, user=user, model=asked.model, trigger=Trigger.API)
    return actions.send(
        session,
        asked.text,
        user=user,
        model=asked.model,
        trigger=Trigger.API,
        key=asked.name,
        when_busy=asked.when_busy,
    )


def under_way(session: Session) -> Run | None:
    """The run that a client of this chat follows."""
    return of_chat(session).under_way().first()


def of_chat(session: Session):
    return Run.objects.filter(session=session).select_related("model", "message")


def is_being_stopped(run: Run) -> bool:
    """Whether a person has stopped it: until it has ended, what is sent waits, and would be held then (B19)."""
    return run.stop_requested_at is not None and run.stop_reason == StopReason.USER


def _message(session: Session, name: str) -> Message:
    """The message of this id or name; of several versions of a question the one that is shown."""
    known = Q(key=name)
    if (pk := _as_uuid(name)) is not None:
        known |= Q(pk=pk)
    message = session.messages.filter(known).first()
    if message is None:
        raise NoSuchMessage
    tree = Tree(session)
    shown = set(tree.path_to(session.tip_id)) & set(tree.versions(message.pk))
    return session.messages.get(pk=shown.pop()) if shown and message.role == Role.USER else message


def _answer(session: Session, name: str) -> Message:
    message = _message(session, name)
    if message.role == Role.USER:
        message = message.children.filter(role=Role.ASSISTANT).order_by("id").last()
    if message is None:
        raise NoSuchMessage
    return message


def _key(name: str) -> str:
    """The chats of these clients are no forms of our pages, which have keys as well."""
    return f"aisdk:{name}"


def _as_uuid(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
