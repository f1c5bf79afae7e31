"""Responses: create, retrieve or resume as a stream, cancel, delete, list input items."""

import asyncio
from collections.abc import Collection
from contextlib import aclosing
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from chatapp.openai.body_fields import Fields, parse_body
from chatapp.openai.chat_events import failure_of
from chatapp.openai.errors import ResponseNotFound
from chatapp.openai.event_stream import EncodedBody, finish_time
from chatapp.openai.full_stream import follow_full_stream, read_full_stream
from chatapp.openai.item_references import has_references, resolve_references
from chatapp.openai.models import Exchange
from chatapp.openai.previous_responses import find_previous, run_id_of
from chatapp.openai.response_events import ResponseEncoder, ResponseFold, new_fold
from chatapp.openai.response_requests import parse_response_request
from chatapp.openai.run_requests import start_run_async
from chatapp.openai.views.endpoint import Client, endpoint, idempotency_key, is_stream, with_database
from chatapp.openai.views.queries import integer, page_of_items
from runs.actions import delete_session, fingerprint_of
from runs.lifecycle import reaper
from runs.lifecycle.stop import request_stop
from runs.states import Status
from streams.events import Kind
from streams.transports.sse import EventStream

STOP_SECONDS = 5.0  # s a cancel waits for the end of the run; it rarely takes more than 0.1


async def _create(request: HttpRequest, client: Client) -> HttpResponseBase:
    """A background response outlives this request; any other ends with it (B42)."""
    body = parse_body(request)
    exchange = await start_response(client, body, idempotency_key(request))
    if body.get("stream"):
        encoded = EncodedBody(client.viewer, exchange.pk, ResponseEncoder(new_fold(exchange)))
        if not exchange.is_background:  # a response in the background has its id at once, and later its error
            final = await encoded.final_without_output()
            if final is not None and final.kind in (Kind.FAILED, Kind.LOST):
                raise failure_of(final.kind, final.data)
        return EventStream(encoded)
    if exchange.is_background:
        return JsonResponse(await _current_response(exchange))
    return JsonResponse(await _final_response(exchange))


async def start_response(client: Client, body: dict, key: str = "", own: Collection[UUID] = ()) -> Exchange:
    """Start the run of a response. `own`: as for `find_previous`. Raises what refuses it."""
    if has_references(body):
        body = await _with_items(client.user.pk, body)
    parsed, chain = parse_response_request(body), None
    if previous_id := Fields(body).optional("previous_response_id", str):
        previous = await _previous(client.user.pk, previous_id, own)
        parsed.previous, chain = previous.pk, previous.chain
    parsed.key, parsed.fingerprint = key, fingerprint_of(body)
    client.ignored = parsed.ignored
    return await start_run_async(client.user, parsed, chain)


async def _retrieve(request: HttpRequest, client: Client, response_id: str) -> HttpResponseBase:
    exchange = await _get_exchange(client, response_id)
    if not is_stream(request):
        return JsonResponse(await _current_response(exchange))
    return EventStream(EncodedBody(client.viewer, exchange.pk, ResponseEncoder(new_fold(exchange), _after(request))))


async def _delete(request: HttpRequest, client: Client, response_id: str) -> HttpResponseBase:
    """Stop the run if it is active, and delete it permanently (B40). What is in a chat stays there."""
    exchange = await _get_exchange(client, response_id)
    await _delete_run(exchange, client)
    return JsonResponse({"id": exchange.response_id, "object": "response", "deleted": True})


async def _cancel(request: HttpRequest, client: Client, response_id: str) -> HttpResponseBase:
    """Stop the run. Idempotent: each call returns the response as it ended."""
    exchange = await _get_exchange(client, response_id)
    await _stop(exchange, client)
    exchange = await _get_exchange(client, response_id)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await _fold_to_end(exchange)
    except TimeoutError:  # the response's status is still in_progress
        pass
    return JsonResponse(await _current_response(exchange))


async def _input_items(request: HttpRequest, client: Client, response_id: str) -> HttpResponseBase:
    """A page of the items of this response's own input, newest first unless `order=asc`."""
    return JsonResponse(page_of_items(request, (await _get_exchange(client, response_id)).input))


async def _final_response(exchange: Exchange) -> dict:
    """Wait for the final response. Raises RunFailed if the run failed without any output."""
    fold = await _fold_to_end(exchange)
    if fold.failure is not None and not fold.has_output:
        raise failure_of(Kind.FAILED if "code" in fold.failure else Kind.LOST, fold.failure)
    return fold.response()


async def _fold_to_end(exchange: Exchange) -> ResponseFold:
    """Follow the run to its end. Django cancels this if the client disconnects."""
    fold = new_fold(exchange)
    async with aclosing(follow_full_stream(exchange.pk, settings.STREAMS_HEARTBEAT_SECONDS)) as batches:
        async for batch in batches:
            finished_at = await finish_time(exchange.pk, batch)
            for run_event in batch:
                fold.apply(run_event, finished_at)
    return fold


def _after(request: HttpRequest) -> int:
    """The last `sequence_number` the client has seen; by default 0, the whole stream."""
    return max(integer(request, "starting_after", 0), 0)


_previous = with_database(find_previous)
_with_items = with_database(resolve_references)


@with_database
def _find_exchange(user_id: int, response_id: str) -> Exchange | None:
    exchanges = Exchange.objects.visible_to(user_id).select_related("run__session")
    return exchanges.filter(pk=run_id_of(response_id)).first()


async def _get_exchange(client: Client, response_id: str) -> Exchange:
    exchange = await _find_exchange(client.user.pk, response_id)
    if exchange is None:
        raise ResponseNotFound("There is no such response.", "response_id")
    return exchange


@with_database
def _current_response(exchange: Exchange) -> dict:
    """The current response. Ends a run whose worker is dead first, so that it is not shown as active (B12)."""
    if exchange.run.status == Status.RUNNING:
        reaper.reap([exchange.pk])
    fold, run_events = new_fold(exchange), read_full_stream(exchange.pk)
    exchange.run.refresh_from_db()
    for run_event in run_events:
        fold.apply(run_event, exchange.run.finished_at)
    return fold.response()


@with_database
def _stop(exchange: Exchange, client: Client) -> None:
    request_stop(exchange.run, client.user)


@with_database
def _delete_run(exchange: Exchange, client: Client) -> None:
    if exchange.is_in_chat:
        request_stop(exchange.run, client.user)
        Exchange.objects.filter(pk=exchange.pk).delete()
    else:
        delete_session(exchange.run.session, by=client.user)


responses = endpoint(post=_create, starts_runs=True)
response = endpoint(get=_retrieve, delete=_delete)
cancel, input_items = endpoint(post=_cancel), endpoint(get=_input_items)
