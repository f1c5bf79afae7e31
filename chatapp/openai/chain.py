"""Responses that build on each other: what was said before comes along (`previous_response_id`)."""

from uuid import UUID

from chatapp.openai.errors import PreviousNotFinal, PreviousNotFound
from chatapp.openai.items import to_messages
from chatapp.openai.models import Exchange

PARAM = "previous_response_id"


def previous_of(user_id: int, response_id: str) -> Exchange:
    """The response to go on from. Raises PreviousNotFound, also where one before it is gone; PreviousNotFinal."""
    found = Exchange.objects.visible_to(user_id).select_related("run").filter(pk=run_id_of(response_id)).first()
    if found is None or _path_to(found) is None:
        raise PreviousNotFound("The previous response, or one before it, does not exist (any more).", PARAM)
    if not found.run.is_final:
        raise PreviousNotFinal("The previous response is still being written.", PARAM)
    return found


def run_id_of(response_id: str) -> UUID | None:
    """The run behind `resp_…`; None for what is no such id."""
    prefix, _, name = response_id.partition("_")
    try:
        return UUID(hex=name) if prefix == "resp" and len(name) == 32 else None
    except ValueError:
        return None


def context_of(exchange: Exchange) -> list[dict]:
    """The messages that go upstream: this one's instructions, all that was said before, and this one's input.

    Raises PreviousNotFound if something of it was deleted since it was asked for.
    """
    path = _path_to(exchange)
    if path is None:
        raise PreviousNotFound("A response that this one goes on from is gone.", PARAM)
    instructions = exchange.echo.get("instructions")
    messages = [{"role": "system", "content": instructions}] if instructions else []
    for one in path:
        messages += to_messages(one.input)
        if one is not path[-1]:
            messages += _said_in(one)
    return messages


def _path_to(exchange: Exchange) -> list[Exchange] | None:
    """From the first response to this one; None where one is missing. One query, however long it is."""
    chain = Exchange.objects.filter(chain=exchange.chain).select_related("run__message")
    by_id = {one.pk: one for one in chain}
    path, pk = [], exchange.pk
    while pk is not None:
        if pk not in by_id:
            return None
        path.append(by_id[pk])
        pk = by_id[pk].previous
    return path[::-1]


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
