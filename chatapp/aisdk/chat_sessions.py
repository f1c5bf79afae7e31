"""Map the AI SDK's chats to sessions. The client's ids for a chat and its messages stay valid alongside our own."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.core.files.base import ContentFile
from django.db.models import Q

from chatapp.aisdk.history import Held, begin_with, check_history
from chatapp.chats.actions import id_of_session, start_session
from chatapp.chats.models import Attachment, Message, Role, Session
from chatapp.chats.tree import Tree
from chatapp.errors import AppError
from chatapp.files.actions import store
from runs import actions
from runs.limits import check_file_count
from runs.message_files import attachment_of
from runs.models import Run
from runs.options import Options
from runs.states import StopReason, Trigger, WhenBusy


class NoSuchMessage(AppError):
    """The chat has no such message, or it cannot be regenerated."""

    code = "not_found"
    status = 404


@dataclass(frozen=True)
class ChatRequest:
    """Answer a message. `is_edit`: it replaces message `name`; `is_again`: message `name` is answered again."""

    name: str
    text: str
    files: Sequence[tuple[str, bytes]] = ()  # names and contents; those of a message that is edited stay as they are
    is_edit: bool = False
    is_again: bool = False
    model: str = ""
    when_busy: WhenBusy = WhenBusy.ENQUEUE
    held: Sequence[Held] = ()  # what the page has of the chat already
    instructions: str = ""  # in place of the chat's system prompt

    @property
    def options(self) -> Options | None:
        return Options(instructions=self.instructions) if self.instructions else None


def find_session(user: AbstractBaseUser, name: str) -> Session | None:
    """The session with this id, or the one that a client of this user created under this name."""
    sessions = Session.objects.visible_to(user)
    known = Q(pk=id_of_session(user, _key(name)))
    if (pk := _as_uuid(name)) is not None:
        known |= Q(pk=pk)
    return sessions.filter(known).first()


def get_or_create_session(user: AbstractBaseUser, name: str) -> Session:
    """Like `find_session`, but a new name creates a session. Names of other users do not matter (B55)."""
    return find_session(user, name) or start_session(user, _key(name))


def start_run(
    session: Session, user: AbstractBaseUser, chat_request: ChatRequest, files: Sequence[Attachment] = ()
) -> Run:
    """Start the requested run. A message that was sent before is not sent again (B21): its run is returned.

    Raises NoSuchMessage, HistoryMismatch and the errors of `runs.actions`.
    """
    options = chat_request.options
    if not session.messages.exists():
        begin_with(session, chat_request.held)
    if chat_request.is_again:
        answer = _answer(session, chat_request.name)
        check_history(session, chat_request.held, answer)
        return actions.answer_again(answer, user=user, model=chat_request.model, trigger=Trigger.API, options=options)
    if chat_request.is_edit:
        question = _message(session, chat_request.name)
        if question.role != Role.USER:
            raise NoSuchMessage
        check_history(session, chat_request.held, question)
        return actions.edit_and_send(
            question, chat_request.text, user=user, model=chat_request.model, trigger=Trigger.API, options=options
        )
    if not session.messages.filter(key=chat_request.name).exists():  # else it is sent again, and gets the same stream
        check_history(session, chat_request.held)
    return actions.send(
        session,
        chat_request.text,
        files=files,
        user=user,
        model=chat_request.model,
        trigger=Trigger.API,
        key=chat_request.name,
        when_busy=chat_request.when_busy,
        options=options,
    )


def store_files(user: AbstractBaseUser, chat_request: ChatRequest) -> list[Attachment]:
    """Store the files that come with a message, and attach them, unsaved. Not in a transaction: images take seconds.

    Raises FileRefused, TooManyAttachments, PromptTooLong.
    """
    check_file_count(chat_request.files)
    stored = (store(user, ContentFile(content), name or "file") for name, content in chat_request.files)
    return [attachment_of(file) for file in stored]


def under_way(session: Session) -> Run | None:
    """The active run that a client of this chat follows."""
    return runs_of_chat(session).under_way().first()


def runs_of_chat(session: Session):
    return Run.objects.filter(session=session).select_related("model", "message")


def is_stop_requested(run: Run) -> bool:
    """Whether the active run was asked to stop. A message sent before its end would be queued, and then held (B19)."""
    return run.stop_requested_at is not None and run.stop_reason == StopReason.USER


def _message(session: Session, name: str) -> Message:
    """The message with this id or name; if a question has several versions, the visible one."""
    known = Q(key=name)
    if (pk := _as_uuid(name)) is not None:
        known |= Q(pk=pk)
    message = session.messages.filter(known).first()
    if message is None:
        raise NoSuchMessage
    tree = Tree(session)
    visible = set(tree.path_to(session.tip_id)) & set(tree.versions(message.pk))
    return session.messages.get(pk=visible.pop()) if visible and message.role == Role.USER else message


def _answer(session: Session, name: str) -> Message:
    message = _message(session, name)
    if message.role == Role.USER:
        message = message.children.filter(role=Role.ASSISTANT).order_by("id").last()
    if message is None:
        raise NoSuchMessage
    return message


def _key(name: str) -> str:
    """The message key for a client's id. Prefixed, because forms of the pages have keys, too."""
    return f"aisdk:{name}"


def _as_uuid(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
