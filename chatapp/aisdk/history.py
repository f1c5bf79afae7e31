"""What a page holds of a chat besides the message that it sends: compared with the session, which has it already.

Nothing of it is ignored in silence. System messages are instructions for the answer. A new chat begins with the page's
history. Of a chat that is there the page may show less than all, or only the beginning of an answer.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from chatapp.chats.actions import html_due
from chatapp.chats.models import Message, MessageState, Role, Session
from chatapp.chats.tree import Tree
from chatapp.errors import AppError
from runs.lifecycle import queue
from runs.models import Run


class HistoryMismatch(AppError):
    """This page shows messages that the chat does not have. Load the chat again."""

    code = "history_mismatch"
    status = 409


class Held(NamedTuple):
    """One message of a page, without what is no text."""

    id: str
    role: str
    text: str
    other_parts: Sequence[str]  # types of its parts that the chat could not begin with


def begin_with(session: Session, held: Iterable[Held]) -> None:
    """Store the history of a page in a chat that has no messages yet. Raises HistoryMismatch."""
    for one in held:
        if one.other_parts:
            raise HistoryMismatch(message=f"A chat cannot begin with a part of the type {one.other_parts[0][:40]}.")
        session.tip = session.messages.create(
            role=one.role,
            content=one.text,
            key=one.id or None,
            parent_id=session.tip_id,
            state=MessageState.COMPLETE,
            **(html_due(one.text) if one.role == Role.ASSISTANT else {}),
        )
    session.save(update_fields=["tip"])


def check_history(session: Session, held: Iterable[Held], answered: Message | None = None) -> None:
    """Raise HistoryMismatch if a message of the page is not in the chat, or on another branch.

    `answered` is the message that is edited or answered again: then its own branch counts.
    """
    tree = Tree(session)
    branch = [*tree.path_to(session.tip_id), *(tree.path_to(answered.pk) if answered else [])]
    branch += [pk for run in _waiting(session) for pk in (run.message.parent_id, run.message_id) if pk]
    keys = dict(session.messages.exclude(key=None).values_list("pk", "key"))
    by_name: dict[str, list[Message]] = {}
    for message in session.messages.in_bulk(branch).values():
        # An edited question keeps the name that the page gave to its first version.
        versions = tree.versions(message.pk) if message.role == Role.USER else [message.pk]
        for name in {str(pk) for pk in versions} | {keys[pk] for pk in versions if pk in keys}:
            by_name.setdefault(name, []).append(message)
    for one in held:
        if one.text and not any(_is_shown(message, one) for message in by_name.get(one.id, ())):
            raise HistoryMismatch(
                message=f"The message {one.id[:64]} is not on this branch, or has another text. Load the chat again."
            )


def _waiting(session: Session) -> list[Run]:
    """The runs whose questions are on no branch yet."""
    return [*queue.waiting(session), *session.runs.under_way().select_related("message")]


def _is_shown(message: Message, held: Held) -> bool:
    if message.role != held.role:
        return False
    if message.role == Role.USER:
        return message.content.strip() == held.text.strip()
    # While an answer is written its text is in the log; of one that has ended a page may have the beginning.
    is_active = message.state in (MessageState.WAITING, MessageState.ANSWERING)
    return is_active or message.content.startswith(held.text)
