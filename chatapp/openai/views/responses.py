"""Responses: created, followed, followed anew from any event on, stopped, deleted."""

import asyncio
from contextlib import aclosing

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from chatapp.openai.body_fields import Fields, body_of
from chatapp.openai.chat_events import failure_of
from chatapp.openai.errors import NoSuchResponse, Refusal
from chatapp.openai.event_stream import ToldBody, end_of
from chatapp.openai.full_stream import follow_original, read_original
from chatapp.openai.models import Exchange
from chatapp.openai.previous_responses import previous_of, run_id_of
from chatapp.openai.response_events import ResponseTeller, Telling, telling_of
from chatapp.openai.response_requests import read_response
from chatapp.openai.run_requests import ask_for
from chatapp.openai.views.endpoint import Client, endpoint, is_stream, reading
from runs.actions import delete_session
from runs.lifecycle import reaper
from runs.lifecycle.stop import request_stop
from runs.states import Status
from streams.events import Kind
from streams.transports.sse import EventStream

STOP_SECONDS = 5.0  # s that a client is kept waiting for the end of what it stops; it rarely takes more than 0.1
PAGE_ITEMS, MAX_PAGE_ITEMS = 20, 100


async def _create(request: HttpRequest, client: Client) -> HttpResponseBase:
    """In the background it goes on by itself; else it lasts as long as this request (B42)."""
    body = body_of(request)
    wanted, chain = read_response(body), None
    if previous_id := Fields(body).take("previous_response_id", str):
        previous = await _previous(client.user.pk, previous_id)
        wanted.previous, chain = previous.pk, previous.chain
    exchange = await ask_for(client.user, wanted, chain)
    if wanted.is_stream:
        return EventStream(ToldBody(client.viewer, exchange.pk, ResponseTeller(telling_of(exchange))))
    if wanted.is_background:
        return JsonResponse(await _object(exchange))
    return JsonResponse(await _whole(exchange))


async def _retrieve(request: HttpRequest, client: Client, response_id: str) -> HttpResponseBase:
    exchange = await _found(client, response_id)
    if not is_stream(request):
        return JsonResponse(await _object(exchange))
    return EventStream(ToldBody(client.viewer, exchange.pk, ResponseTeller(telling_of(exchange), _after(request))))


async def _delete(request: HttpRequest, client: Client, response_id: str) -> HttpResponseBase:
    """What is still being written is stopped, and nothing brings it back (B40)."""
    exchange = await _found(client, response_id)
    await _forget(exchange, client)
    return JsonResponse({"id": exchange.response_id, "object": "response", "deleted": True})


async def _cancel(request: HttpRequest, client: Client, response_id: str) -> HttpResponseBase:
    """Stop. However often it is asked for, the answer is the response as it ended."""
    exchange = await _found(client, response_id)
    await _stop(exchange, client)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await _hear(exchange)
    except TimeoutError:  # the answer tells that it is still being written
        pass
    return JsonResponse(await _object(exchange))


async def _input_items(request: HttpRequest, client: Client, response_id: str) -> HttpResponseBase:
    """The items of this response's own input, page by page, the last one first unless `order=asc`."""
    items = (await _found(client, response_id)).input
    order = request.GET.get("order", "desc")
    if order not in ("asc", "desc"):
        raise Refusal("order must be asc or desc.", "order")
    limit = min(max(_number(request, "limit", PAGE_ITEMS), 1), MAX_PAGE_ITEMS)
    items = items if order == "asc" else items[::-1]
    if after := request.GET.get("after"):
        ids = [item["id"] for item in items]
        if after not in ids:
            raise Refusal("There is no such item.", "after")
        items = items[ids.index(after) + 1 :]
    page = items[:limit]
    ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": "", "last_id": ""}
    return JsonResponse({"object": "list", "data": page, **ends, "has_more": len(items) > limit})


async def _whole(exchange: Exchange) -> dict:
    """The response when it has ended. Raises Failed for one that has said nothing."""
    telling = await _hear(exchange)
    if telling.failure is not None and not telling.has_output:
        raise failure_of(Kind.FAILED if "code" in telling.failure else Kind.LOST, telling.failure)
    return telling.response()


async def _hear(exchange: Exchange) -> Telling:
    """Follow the run to its end; if the client leaves, Django cancels this."""
    telling = telling_of(exchange)
    async with aclosing(follow_original(exchange.pk, settings.STREAMS_HEARTBEAT_SECONDS)) as batches:
        async for batch in batches:
            finished_at = await end_of(exchange.pk, batch)
            for said in batch:
                telling.hear(said, finished_at)
    return telling


def _after(request: HttpRequest) -> int:
    """The `sequence_number` that the client has seen last; what it does not say is 0, the whole."""
    return max(_number(request, "starting_after", 0), 0)


def _number(request: HttpRequest, name: str, default: int) -> int:
    text = request.GET.get(name, "")
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdecimal() and len(digits) < 10:
        return int(text)
    if text:
        raise Refusal(f"{name} must be an integer.", name)
    return default


_previous = reading(previous_of)


@reading
def _find(user_id: int, response_id: str) -> Exchange | None:
    found = Exchange.objects.visible_to(user_id).select_related("run__session")
    return found.filter(pk=run_id_of(response_id)).first()


async def _found(client: Client, response_id: str) -> Exchange:
    exchange = await _find(client.user.pk, response_id)
    if exchange is None:
        raise NoSuchResponse("There is no such response.", "response_id")
    return exchange


@reading
def _object(exchange: Exchange) -> dict:
    """The response as it is now. One whose worker is gone is ended before: nobody is shown it as alive (B12)."""
    if exchange.run.status == Status.RUNNING:
        reaper.reap([exchange.pk])
    telling, said = telling_of(exchange), read_original(exchange.pk)
    exchange.run.refresh_from_db()
    for one in said:
        telling.hear(one, exchange.run.finished_at)
    return telling.response()


@reading
def _stop(exchange: Exchange, client: Client) -> None:
    request_stop(exchange.run, client.user)


@reading
def _forget(exchange: Exchange, client: Client) -> None:
    delete_session(exchange.run.session, by=client.user)


responses = endpoint(post=_create, starts_runs=True)
response = endpoint(get=_retrieve, delete=_delete)
cancel, input_items = endpoint(post=_cancel), endpoint(get=_input_items)
