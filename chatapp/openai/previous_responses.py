"""Conversations by `previous_response_id`: a response continues the one it names.

One query that reads only lengths walks the chain back, as far as the limits of a context allow.
"""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

from chatapp.chats.walk_back import Chain
from chatapp.openai.errors import PreviousNotFinal, PreviousNotFound, Refusal
from chatapp.openai.input_items import to_messages
from chatapp.openai.models import Exchange
from runs.errors import ContextTooLong

PARAM = "previous_response_id"

_EXCHANGES = Chain(
    table="openai_exchange e",
    joins="JOIN runs_run r ON r.id = e.run_id JOIN chats_message m ON m.id = r.message_id",
    id="e.run_id",
    previous="e.previous",
    length="e.characters + LENGTH(m.content) + LENGTH(CAST(m.tools AS TEXT))",
)


class Path(NamedTuple):
    """The responses from the first one to a given one."""

    ids: list[UUID]  # of runs, oldest first
    characters: int  # of all inputs and answers


def find_previous(user_id: int, response_id: str, own: Collection[UUID] = ()) -> Exchange:
    """The response to continue from: a stored one, or one of a connection's `own` (the ids of their runs).

    Raises Refusal for one that is in a chat; PreviousNotFound, also if an earlier response of its chain was deleted;
    PreviousNotFinal; and ContextTooLong if the earlier responses alone reach the limits.
    """
    pk = run_id_of(response_id)
    visible = Exchange.objects.visible_to(user_id)
    if pk in own:
        visible = Exchange.objects.filter(run__session__owner_id=user_id)
    visible = visible.select_related("run__session")
    visible = visible.only("chain", "run__status", "run__session__is_listed")
    previous = visible.filter(pk=pk).first()
    if previous is not None and previous.is_in_chat:
        raise Refusal("The previous response belongs to a conversation: send that instead.", PARAM)
    if previous is None or path_to_root(previous.pk) is None:
        raise PreviousNotFound("The previous response, or an earlier one of its chain, does not exist.", PARAM)
    if not previous.run.is_final:
        raise PreviousNotFinal("The previous response is still in progress.", PARAM)
    return previous


def run_id_of(response_id: str) -> UUID | None:
    """The id of the run behind `resp_…`; None if the id is malformed."""
    prefix, _, name = response_id.partition("_")
    try:
        return UUID(hex=name) if prefix == "resp" and len(name) == 32 else None
    except ValueError:
        return None


def upstream_messages(exchange: Exchange) -> list[dict]:
    """The messages to send upstream: this request's instructions, the earlier responses, and this request's input.

    Raises PreviousNotFound if an earlier response has been deleted meanwhile; ContextTooLong.
    """
    path = path_to_root(exchange.pk)
    if path is None:
        raise PreviousNotFound("An earlier response of this chain was deleted.", PARAM)
    instructions = exchange.echo.get("instructions")
    messages = [{"role": "system", "content": instructions}] if instructions else []
    *earlier, last = _exchanges_of(path)
    for one in earlier:
        messages += [*to_messages(one.input), *_answer_of(one)]
    messages += to_messages(last.input)
    if len(messages) > settings.CONTEXT_MAX_MESSAGES:
        raise ContextTooLong
    return messages


def whole_chain(previous: Exchange) -> tuple[list[dict], list[dict]]:
    """The items of all inputs up to this response, and the messages up to and with its answer, without instructions.

    Raises PreviousNotFound, ContextTooLong.
    """
    path = path_to_root(previous.pk)
    if path is None:
        raise PreviousNotFound("An earlier response of this chain was deleted.", PARAM)
    items, messages = [], []
    for one in _exchanges_of(path):
        items += one.input
        messages += [*to_messages(one.input), *_answer_of(one)]
    return items, messages


def _exchanges_of(path: Path) -> list[Exchange]:
    whole = Exchange.objects.select_related("run__message").only(
        "input", "run__message__content", "run__message__tools"
    )
    exchanges = whole.in_bulk(path.ids)
    return [exchanges[pk] for pk in path.ids]


def path_to_root(pk: UUID) -> Path | None:
    """None if a response of the chain is missing. Raises ContextTooLong if the chain is longer than the limits."""
    steps = _EXCHANGES.walk_back(pk, settings.CONTEXT_MAX_MESSAGES, settings.CONTEXT_MAX_CHARACTERS)
    if not steps:
        return None
    last = steps[-1]
    if last.total > settings.CONTEXT_MAX_CHARACTERS or (last.previous and len(steps) >= settings.CONTEXT_MAX_MESSAGES):
        raise ContextTooLong
    return None if last.previous else Path([step.id for step in reversed(steps)], last.total)


def _answer_of(exchange: Exchange) -> list[dict]:
    """The model's answer: text and tool calls. The next request's input has the outputs of the calls."""
    message = exchange.run.message
    if not (message.content or message.tools):
        return []
    answer: dict = {"role": "assistant", "content": message.content or None}
    calls = [
        {
            "id": tool["id"] or f"call_{tool['index']}",
            "type": "function",
            "function": {"name": tool["name"], "arguments": tool["arguments"]},
        }
        for tool in message.tools
    ]
    return [answer | ({"tool_calls": calls} if calls else {})]
