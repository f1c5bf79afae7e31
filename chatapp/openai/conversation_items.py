"""Items that programs add to a chat by themselves: exchanges, and questions that wait for their answer.

A chat has questions with answers. What a program adds without an answer is `Conversation.pending`, until an answer is
added or the program asks for one.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from chatapp.chats.models import Attachment, Role, Session
from chatapp.chats.tree import Tree
from chatapp.openai.conversations import (
    SYSTEM,
    add_exchanges,
    called_in,
    exchanges_of,
    instructions_in,
    with_images,
)
from chatapp.openai.errors import Refusal
from chatapp.openai.input_items import to_items
from chatapp.openai.models import Conversation
from runs.errors import SessionBusy
from runs.lifecycle.start import lock_session
from runs.limits import check_limits
from runs.upstream.context.turns import last_answer

Turn = dict[str, Any]


def items_of_chat(session: Session) -> list[dict]:
    """The items of the visible branch, and those that wait."""
    path = Tree(session).path_to(session.tip_id)
    messages = session.messages.prefetch_related("attachments").in_bulk(path)
    items = [item for pk in path for item in to_items(with_images(messages[pk]), pk.hex)]
    return [*items, *to_items(_pending_of(session), session.pk.hex)]


@transaction.atomic
def add_items(
    user: AbstractBaseUser, session: Session, messages: Sequence[Turn], images: Sequence[Attachment]
) -> list[dict]:
    """Add messages to the end of the chat. Returns all items of the chat.

    Raises Refusal for images in a question without its answer, and for an answer without a question; SessionBusy while
    an answer is being written; and the errors of `check_limits`.
    """
    lock_session(session.pk)
    session.refresh_from_db()
    check_limits(user, is_program=True)
    if running := session.runs.under_way().first():
        raise SessionBusy(running.pk)
    talk = [*take_pending(session), *(message for message in messages if message["role"] != SYSTEM)]
    names = called_in([*last_answer(session), *talk], "items")
    exchanges = exchanges_of(talk, "items")
    waiting = exchanges.pop() if exchanges and exchanges[-1][-1]["role"] != Role.ASSISTANT else []
    if any(isinstance(turn["content"], list) for turn in waiting):
        raise Refusal("Images are added together with the answer to them.", "items")
    if instructions := instructions_in(messages):
        session.system_prompt = "\n\n".join(filter(None, [session.system_prompt, instructions]))
        session.save(update_fields=["system_prompt"])
    add_exchanges(session, exchanges, names, {image.file_id: image for image in images if image.file_id})
    Conversation.objects.update_or_create(session=session, defaults={"pending": waiting})
    return items_of_chat(session)


def take_pending(session: Session) -> list[Turn]:
    """The messages that wait, which the caller adds now, in its transaction."""
    pending = _pending_of(session)
    if pending:
        Conversation.objects.filter(session=session).update(pending=[])
    return pending


def _pending_of(session: Session) -> list[Turn]:
    found = Conversation.objects.filter(session=session).values_list("pending", flat=True).first()
    return found or []
