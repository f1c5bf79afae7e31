"""The messages of a chat that go upstream with a question, as many as its model can read (B66)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from chatapp.chats.context import context_of
from chatapp.chats.models import Message, Session
from runs.errors import UpstreamContextTooLong
from runs.models import Model, Run
from runs.upstream.context.trimming import trim, trim_again
from runs.upstream.context.turns import as_exchanged, in_words, paired
from runs.upstream.context.windows import (
    BYTES_PER_TOKEN,
    LEAST_WINDOW,
    bytes_per_token,
    estimated_tokens,
    message_bytes,
    prompt_tokens,
    window_of,
    within_ratios,
)
from runs.upstream.profiles.lessons import MESSAGE_CHARACTERS, Lesson
from runs.upstream.profiles.shaping import LIMITS

CONTINUE_PROMPT = "Continue your answer exactly where it stopped. Do not repeat anything."
MAX_IMAGES = 20  # of one request, the newest; of others the model reads what they show
MAX_IMAGE_BYTES = 20_000_000  # of the images of one request, before base64
LESS_AFTER_REFUSAL = 0.6  # of what was too long, if the server's numbers and ours do not fit together


class Window(NamedTuple):
    """The room in a model's context window."""

    tokens: int  # for messages
    answer_tokens: int
    ratio: float  # bytes of text for a token


@dataclass(frozen=True)
class ChatContext:
    messages: list[dict[str, Any]]
    left_out: int  # messages of the chat that are not among them, whole or in part
    newest: int = 1  # so many at the end always stay,
    oldest: int = 1  # and so many at the beginning, if there is room
    window: Window | None = None  # None: not known
    is_trimmed_again: bool = False


def chat_context(run: Run) -> ChatContext:
    """The messages before the answer, as many as fit.

    Of an answer that is continued the end is sent, at most half of the characters allowed in all, so that the question
    and what led to it fit in, too. An answer that was cut counts as one message left out.
    """
    window = _window_for(run.model, run.session.max_tokens) if run.model else None
    most = settings.CONTEXT_MAX_CHARACTERS
    if window is not None:
        most = min(most, int(window.tokens * window.ratio))
    answer = run.message.content if run.is_continuation else ""
    written = answer[-max(most // 2, 1) :]
    instructions = (run.options or {}).get("instructions", "")
    system = instructions or run.session.system_prompt or (run.model.system_prompt if run.model else "")
    oldest = 2 if run.session.summary_of_id else 1  # with the summary that the chat began with
    reserved = len(written) + len(system)
    turns_of = in_words if run.options is None else as_exchanged
    sees = bool(run.model and run.model.has_vision)
    messages, left_out = _messages_to(run.message.parent_id, reserved, most, oldest if window else 0, sees, turns_of)
    if source := _summarized(run):
        reserved += sum(map(message_bytes, messages))
        summarized, left_out = _messages_to(source, reserved, most, 1 if window else 0, sees)
        messages, oldest = summarized + messages, 1
    if written:
        messages += [{"role": "assistant", "content": written}, {"role": "user", "content": CONTINUE_PROMPT}]
    newest = 2 if written else 1 if run.options is None else _last_exchange(messages)
    if window is not None:
        room = window.tokens - estimated_tokens([{"content": system}], window.ratio)
        messages, left_out = trim(messages, room, window.ratio, newest, left_out, oldest)
    return ChatContext(messages, left_out + (written != answer), newest, oldest, window)


def _summarized(run: Run) -> UUID | None:
    """The newest message of the chat that a run is to summarize; None for all other runs."""
    question = run.message.parent_id
    if run.session.summary_of_id is None or question is None:
        return None
    if not Message.objects.filter(pk=question, parent=None).exists():
        return None
    return Session.objects.values_list("tip", flat=True).get(pk=run.session.summary_of_id)


def _last_exchange(messages: list[dict[str, Any]]) -> int:
    """How many messages there are from the last question on: with its tool calls and their results."""
    places = [index for index, message in enumerate(messages) if message["role"] == "user"]
    return len(messages) - (places[-1] if places else 0)


def _messages_to(
    last: UUID | None,
    reserved: int,
    most_characters: int,
    oldest: int,
    sees: bool,
    turns_of: Callable[[Message, Collection[UUID]], list[dict[str, Any]]] = in_words,
) -> tuple[list[dict[str, Any]], int]:
    """The messages up to `last`, and how many were left out before them, after the `oldest` first ones.

    `sees`: with their images, the newest ones first, as many as a request may have.
    """
    context = context_of(last, reserved, most_characters)
    first = list(context.first[:oldest])
    path = [*first, *(pk for pk in context.ids if pk not in first)]
    columns = ["role", "content", "tools"] + (["prompt", "reasoning"] if turns_of is as_exchanged else [])
    messages_by_id = Message.objects.only(*columns).prefetch_related("attachments").in_bulk(path)
    found = [messages_by_id[pk] for pk in path if pk in messages_by_id]
    shown = _shown_images(found) if sees else set()
    messages = [turn for message in found for turn in turns_of(message, shown)]
    if turns_of is as_exchanged:
        messages = paired(messages)
    return messages, max(context.left_out - len(first), 0)


def _shown_images(messages: list[Message]) -> set[UUID]:
    """The ids of the attachments that are sent as images: the newest ones, within the limits of a request."""
    images = [file for message in reversed(messages) for file in message.attachments.all() if file.is_image]
    sizes = accumulate(file.size for file in images)
    return {file.pk for file, total in zip(images[:MAX_IMAGES], sizes, strict=False) if total <= MAX_IMAGE_BYTES}


def _window_for(model: Model, max_tokens: int | None) -> Window | None:
    window, chosen = window_of(model), max_tokens or model.parameters.get("max_tokens")
    if window is None:
        return None
    tokens = prompt_tokens(window, chosen if isinstance(chosen, int) else None)
    return Window(tokens, window - tokens, bytes_per_token(model))


def after_refusal(
    context: ChatContext, payload: dict[str, Any], error: UpstreamContextTooLong
) -> tuple[ChatContext, dict[str, Any], Lesson] | None:
    """What to change in a payload that was too long, and what that teaches; None if nothing more can be left out.

    Payloads have been shaped already: instructions may be part of the first message.
    """
    messages = payload["messages"]
    ratio, learned = context.window.ratio if context.window else BYTES_PER_TOKEN, {}
    if error.context_requested:
        ratio = within_ratios(sum(map(message_bytes, messages)) / error.context_requested)
        learned["bytes_per_token"] = round(ratio, 2)
    sent = estimated_tokens(messages, ratio)
    tokens = int(sent * LESS_AFTER_REFUSAL)
    changes: dict[str, Any] = {}
    if (limit := error.context_limit) and limit >= LEAST_WINDOW:
        learned["context_window"] = limit
        name = next((name for name in LIMITS if name in payload), "")
        room = prompt_tokens(limit, payload.get(name))
        tokens = min(tokens, room)
        if name and payload[name] > limit - room:
            changes[name] = limit - room
    trimmed = trim_again(messages, tokens, ratio, context.newest, context.oldest)
    if estimated_tokens(trimmed.messages, ratio) >= sent and not changes:
        return None
    lesson = Lesson("context_window", learned, str(error)[:MESSAGE_CHARACTERS], is_kept=bool(learned))
    left_out = max(context.left_out, trimmed.left_out)
    changes["messages"] = trimmed.messages
    return replace(context, left_out=left_out, is_trimmed_again=True), changes, lesson
