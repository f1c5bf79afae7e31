"""Responses that build on each other: what was said before comes along (`previous_response_id`).

The way back is walked by one query that looks at lengths only, as far as the limits of a context reach. Other branches
of the same chain are never read, nor is anything of a context that is too long.
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

_KEY = Run._meta.pk  # how a run's id is written in a query, which databases differ in
_ONE = """SELECT e.run_id, e.previous, {place}, {total} e.characters + LENGTH(m.content) + LENGTH(CAST(m.tools AS TEXT))
    FROM {path} openai_exchange e {on} JOIN runs_run r ON r.id = e.run_id JOIN chats_message m ON m.id = r.message_id"""
_BACKWARDS = f"""WITH RECURSIVE path (run_id, previous, place, total) AS (
    {_ONE.format(place="1", total="", path="", on="")} WHERE e.run_id = %s
    UNION ALL
    {_ONE.format(place="p.place + 1", total="p.total +", path="path p JOIN", on="ON e.run_id = p.previous")}
    WHERE p.place < %s AND p.total <= %s
) SELECT run_id, previous, total FROM path ORDER BY place"""


class Path(NamedTuple):
    """The way from a response back to the first one."""

    ids: list[UUID]  # of runs, the first one first
    characters: int  # of all that was asked and answered


def previous_of(user_id: int, response_id: str) -> Exchange:
    """The response to go on from. Raises PreviousNotFound, also where one before it is gone; PreviousNotFinal.

    Raises ContextTooLong where what was said before fills the limits by itself.
    """
    visible = Exchange.objects.visible_to(user_id).select_related("run").only("chain", "run__status")
    previous = visible.filter(pk=run_id_of(response_id)).first()
    if previous is None or path_to(previous.pk) is None:
        raise PreviousNotFound("The previous response, or one before it, does not exist (any more).", PARAM)
    if not previous.run.is_final:
        raise PreviousNotFinal("The previous response is still being written.", PARAM)
    return previous


def run_id_of(response_id: str) -> UUID | None:
    """The run behind `resp_…`; None for what is no such id."""
    prefix, _, name = response_id.partition("_")
    try:
        return UUID(hex=name) if prefix == "resp" and len(name) == 32 else None
    except ValueError:
        return None


def context_of(exchange: Exchange) -> list[dict]:
    """The messages that go upstream: this one's instructions, all that was said before, and this one's input.

    Raises PreviousNotFound if something of it was deleted since it was asked for; ContextTooLong.
    """
    path = path_to(exchange.pk)
    if path is None:
        raise PreviousNotFound("A response that this one goes on from is gone.", PARAM)
    instructions = exchange.echo.get("instructions")
    messages = [{"role": "system", "content": instructions}] if instructions else []
    whole = Exchange.objects.select_related("run__message").only(
        "input", "run__message__content", "run__message__tools"
    )
    exchanges = whole.in_bulk(path.ids)
    for pk in path.ids:
        messages += to_messages(exchanges[pk].input)
        if pk != exchange.pk:
            messages += _said_in(exchanges[pk])
    if len(messages) > settings.CONTEXT_MAX_MESSAGES:
        raise ContextTooLong
    return messages


def path_to(pk: UUID) -> Path | None:
    """None where a response on the way is missing. Raises ContextTooLong where the limits end before the way does."""
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


def _said_in(exchange: Exchange) -> list[dict]:
    """What the model answered: its text, and its calls, whose outputs are in the next one's input."""
    message = exchange.run.message
    if not (message.content or message.tools):
        return []
    said: dict = {"role": "assistant", "content": message.content or None}
    calls = [
        {
            "id": tool["id"] or f"call_{tool['index']}",
            "type": "function",
            "function": {"name": tool["name"], "arguments": tool["arguments"]},
        }
        for tool in message.tools
    ]
    return [said | ({"tool_calls": calls} if calls else {})]
