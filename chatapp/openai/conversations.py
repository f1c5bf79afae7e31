"""Requests that continue a chat: the chat, which of the request's messages are new, and what people read of them.

A question of a program may consist of several messages, such as the results of tools: they are its `prompt`, and its
`content` is the same in words. System messages count for their request alone, and are not part of the chat.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from chatapp.chats import storage_usage
from chatapp.chats.actions import html_due
from chatapp.chats.context import context_of
from chatapp.chats.models import Attachment, Message, MessageState, Role, Session
from chatapp.openai.content_parts import text_in
from chatapp.openai.errors import ConversationMismatch, ConversationNotFound, Refusal
from chatapp.openai.parsed_request import ConversationParameter
from runs.actions import attach_held
from runs.errors import ContextTooLong
from runs.upstream.context.turns import as_exchanged, called_names, last_answer, result_in_words
from runs.upstream.images import referred_file

Turn = dict[str, Any]
PREFIX = "conv_"
SYSTEM = "system"


class Continuation(NamedTuple):
    """How a request continues a chat. `first` is the place of its first new message."""

    first: int
    earlier: list[list[Turn]]  # new exchanges before the question, each with its answer at the end
    question: list[Turn]  # empty: the last question is answered again
    instructions: str
    names: dict[str, str]  # of called tools, by the call's id

    @property
    def text(self) -> str:
        return in_words(self.question, self.names)


def find_conversation(user: AbstractBaseUser, parameter: ConversationParameter) -> Session:
    """The user's chat with this id: its own, or `conv_…`. Raises ConversationNotFound (B55)."""
    session = conversation_of(user, parameter.id)
    if session is None:
        raise ConversationNotFound(f"There is no conversation with the id {parameter.id[:100]}.", parameter.name)
    return session


def conversation_of(user: AbstractBaseUser, name: str) -> Session | None:
    try:
        pk = UUID(name.removeprefix(PREFIX))
    except ValueError:
        return None
    return Session.objects.visible_to(user).filter(pk=pk).first()


def conversation_id(session_id: UUID) -> str:
    return f"{PREFIX}{session_id.hex}"


def continuation(
    session: Session, messages: Sequence[Turn], parameter: ConversationParameter, pending: Sequence[Turn] = ()
) -> Continuation:
    """How the messages of a request continue a chat, after those that are `pending`.

    Raises ConversationMismatch, Refusal, ContextTooLong. The caller holds the session's lock.
    """
    places = [place for place, message in enumerate(messages) if message["role"] != SYSTEM]
    talk = [messages[place] for place in places]
    history = _history(session) if parameter.has_history else last_answer(session)
    begin, is_again = _common(history, talk) if parameter.has_history else (0, False)
    new = talk[begin:]
    first = places[begin] if new else len(messages)
    if is_again:
        first = places[max([place + 1 for place, one in enumerate(talk) if one["role"] == Role.ASSISTANT], default=0)]
    elif not new or new[-1]["role"] == Role.ASSISTANT:
        raise Refusal("The last message must be the user's, or the result of a tool.", _input_of(parameter))
    if pending and parameter.has_history and [*map(_compared, new[: len(pending)])] != [*map(_compared, pending)]:
        raise ConversationMismatch("Messages that were added to the chat are not those of this request.", "messages")
    if not parameter.has_history:
        new = [*pending, *new]
    exchanges = exchanges_of(new, _input_of(parameter))
    question = exchanges.pop() if exchanges else []
    names = called_in([*history, *new], _input_of(parameter))
    return Continuation(first, exchanges, question, instructions_in(messages), names)


def instructions_in(messages: Iterable[Turn]) -> str:
    """The texts of the system messages."""
    return "\n\n".join(message["content"] for message in messages if message["role"] == SYSTEM)


def exchanges_of(messages: Iterable[Turn], param: str) -> list[list[Turn]]:
    """The messages, cut after each answer. Raises Refusal for an answer without a question."""
    exchanges: list[list[Turn]] = [[]]
    for message in messages:
        if message["role"] != Role.ASSISTANT:
            exchanges[-1].append(message)
        elif not exchanges[-1]:
            raise Refusal("An answer must follow a question: the chat has the model's answers already.", param)
        else:
            exchanges[-1].append(message)
            exchanges.append([])
    return exchanges if exchanges[-1] else exchanges[:-1]


@transaction.atomic
def add_exchanges(
    session: Session, exchanges: Iterable[Sequence[Turn]], names: dict[str, str], images: Mapping[UUID, Attachment]
) -> None:
    """Add questions with their answers, which no run has written, to the visible branch.

    `images` are those that the questions may refer to, by their file. Raises FileUnknown.
    """
    for *question, answer in exchanges:
        asked = session.messages.create(
            role=Role.USER,
            content=in_words(question, names),
            prompt=prompt_of_question(question),
            parent_id=session.tip_id,
        )
        attach_held(asked, images_in(question, images))
        content = answer["content"] or ""
        session.tip = session.messages.create(
            role=Role.ASSISTANT,
            content=content,
            tools=[_tool(index, call) for index, call in enumerate(answer.get("tool_calls", []))],
            state=MessageState.COMPLETE,
            parent=asked,
            **html_due(content),
        )
        storage_usage.add(session.owner_id, storage_usage.size_of(asked.content, content))
    session.save(update_fields=["tip"])


def images_in(question: Iterable[Turn], images: Mapping[UUID, Attachment]) -> list[Attachment]:
    """The images that a question refers to."""
    parts = [part for turn in question if isinstance(turn["content"], list) for part in turn["content"]]
    found = [images.get(file_id) for part in parts if (file_id := referred_file(part))]
    return [image for image in found if image is not None]


def prompt_of_question(question: list[Turn]) -> list[Turn] | None:
    """None if the question is no more than its text."""
    [first, *others] = question
    is_text = isinstance(first["content"], str) and first.keys() <= {"role", "content"}
    return None if is_text and not others else question


def in_words(messages: Iterable[Turn], names: dict[str, str]) -> str:
    """What people read of a question."""
    return "\n\n".join(
        result_in_words(message, names.get(message["tool_call_id"], "")) if message["role"] == "tool" else text
        for message in messages
        if (text := text_in(message["content"])) or message["role"] == "tool"
    )


def _input_of(parameter: ConversationParameter) -> str:
    return "messages" if parameter.has_history else parameter.name


def _history(session: Session) -> list[Turn]:
    context = context_of(session.tip_id)
    if context.left_out:
        raise ContextTooLong
    messages = session.messages.prefetch_related("attachments").in_bulk(context.ids)
    return [turn for pk in context.ids for turn in with_images(messages[pk])]


def with_images(message: Message) -> list[Turn]:
    """A message as exchanged, with all its images; its attachments are prefetched."""
    return as_exchanged(message, {file.pk for file in message.attachments.all() if file.is_image})


def _common(history: Sequence[Turn], talk: Sequence[Turn]) -> tuple[int, bool]:
    """How many messages the chat has already, and whether the request asks for the last answer again.

    A client that tries again sends the same messages once more. Raises ConversationMismatch.
    """
    pairs = zip(history, talk, strict=False)
    common = next((n for n, (ours, own) in enumerate(pairs) if _compared(ours) != _compared(own)), -1)
    if common == -1:
        common = min(len(history), len(talk))
    if common == len(history) < len(talk):
        return common, False
    is_unanswered = bool(talk) and common == len(talk) and talk[-1]["role"] != Role.ASSISTANT
    if is_unanswered and [turn["role"] for turn in history[common:]] in ([], [Role.ASSISTANT]):
        return common, True
    raise ConversationMismatch(
        f"The chat has {len(history)} messages, and only the first {common} of them are those of this request. "
        "Read the chat again, or send the new messages alone with conversation.",
        "messages",
    )


def _compared(turn: Turn) -> tuple:
    calls = [(call["id"], *map(call["function"].get, ("name", "arguments"))) for call in turn.get("tool_calls", ())]
    parts = turn["content"] if isinstance(turn["content"], list) else []
    images = [file_id for part in parts if (file_id := referred_file(part))]
    return turn["role"], text_in(turn["content"]).strip(), images, calls, turn.get("tool_call_id")


def called_in(turns: Iterable[Turn], param: str) -> dict[str, str]:
    """The names of all called tools. Raises Refusal for the result of a call that was not made."""
    names: dict[str, str] = {}
    for turn in turns:
        names |= called_names([turn])
        if turn["role"] == "tool" and turn["tool_call_id"] not in names:
            raise Refusal(f"The model has made no call {turn['tool_call_id'][:100]}.", param)
    return names


def _tool(index: int, call: Turn) -> dict[str, Any]:
    extra = {"extra_content": call["extra_content"]} if "extra_content" in call else {}
    return {"index": index, "id": call["id"], **call["function"]} | extra
