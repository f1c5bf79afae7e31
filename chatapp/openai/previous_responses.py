"""Conversations by `previous_response_id`: a response continues the one that it names.

One recursive query walks back to the first response. It reads lengths only, and stops at the limits of a context: other
branches of the same chain are never read, nor is any text of a context that is too long.
"""

from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from chatapp.openai.errors import PreviousNotFinal, PreviousNotFound
from chatapp.openai.input_items import to_messages
from chatapp.openai.models import Exchange
from runs.errors import ContextTooLong
from runs.models import Run

PARAM = "previous_response_id"

_KEY = Run._meta.pk  # writes a run's id into a query, which databases do differently
_ONE = """SELECT e.run_id, e.previous, {place}, {total} e.characters + LENGTH(m.content) + LENGTH(CAST(m.tools AS TEXT))
    FROM {path} openai_exchange e {on} JOIN runs_run r ON r.id = e.run_id JOIN chats_message m ON m.id = r.message_id"""
_BACKWARDS = f"""WITH RECURSIVE path (run_id, previous, place, total) AS (
    {_ONE.format(place="1", total="", path="", on="")} WHERE e.run_id = %s
    UNION ALL
    {_ONE.format(place="p.place + 1", total="p.total +", path="path p JOIN", on="ON e.run_id = p.previous")}
    WHERE p.place < %s AND p.total <= %s
) SELECT run_id, previous, total FROM path ORDER BY place"""


class Path(NamedTuple):
    """The responses from the first one to a given one."""

    ids: list[UUID]  # of runs, oldest first
    characters: int  # of all inputs and answers


def find_previous(user_id: int, response_id: str) -> Exchange:
    """The response to continue from.

    Raises PreviousNotFound, also if an earlier response of its chain was deleted; PreviousNotFinal; and ContextTooLong
    if the earlier responses alone reach the limits.
    """
    visible = Exchange.objects.visible_to(user_id).select_related("run").only("chain", "run__status")
    previous = visible.filter(pk=run_id_of(response_id)).first()
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
    whole = Exchange.objects.select_related("run__message").only(
        "input", "run__message__content", "run__message__tools"
    )
    exchanges = whole.in_bulk(path.ids)
    for pk in path.ids:
        messages += to_messages(exchanges[pk].input)
        if pk != exchange.pk:
            messages += _answer_of(exchanges[pk])
    if len(messages) > settings.CONTEXT_MAX_MESSAGES:
        raise ContextTooLong
    return messages


def path_to_root(pk: UUID) -> Path | None:
    """None if a response of the chain is missing. Raises ContextTooLong if the chain is longer than the limits."""
    with connection.cursor() as cursor:
        limits = (settings.CONTEXT_MAX_MESSAGES, settings.CONTEXT_MAX_CHARACTERS)
        cursor.execute(_BACKWARDS, (_KEY.get_db_prep_value(pk, connection), *limits))
        rows = cursor.fetchall()
    if not rows:
        return None
    *_, (_, previous, total) = rows
    if total > settings.CONTEXT_MAX_CHARACTERS or (previous and len(rows) >= settings.CONTEXT_MAX_MESSAGES):
        raise ContextTooLong
    return None if previous else Path([_KEY.to_python(row[0]) for row in reversed(rows)], total)


def _answer_of(exchange: Exchange) -> list[dict]:
    """The model's answer: text and tool calls. The outputs of the calls are in the next request's input."""
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
