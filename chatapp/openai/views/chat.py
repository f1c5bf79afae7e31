"""Chat completions: attached runs, which end with the client (B42)."""

import asyncio
from contextlib import aclosing

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from rest_framework.exceptions import AuthenticationFailed

from chatapp.openai.body_fields import parse_body
from chatapp.openai.chat_events import ChatCompletionFold, failure_of
from chatapp.openai.chat_requests import parse_chat_request
from chatapp.openai.event_stream import EncodedBody
from chatapp.openai.full_stream import follow_full_stream
from chatapp.openai.models import Exchange
from chatapp.openai.run_requests import start_run_async
from chatapp.openai.views.endpoint import Client, endpoint, idempotency_key
from runs.actions import fingerprint_of
from streams.events import Kind
from streams.transports.sse import EventStream


async def _complete(request: HttpRequest, client: Client) -> HttpResponseBase:
    body = parse_body(request)
    parsed = parse_chat_request(body)
    parsed.key, parsed.fingerprint = idempotency_key(request), fingerprint_of(body)
    client.ignored = parsed.ignored
    exchange = await start_run_async(client.user, parsed)
    fold = ChatCompletionFold(exchange, includes_usage=parsed.includes_usage)
    if parsed.is_stream:
        body = EncodedBody(client.viewer, exchange.run_id, fold)
        if (final := await body.final_without_output()) and final.kind != Kind.COMPLETED:
            raise failure_of(final.kind, final.data)
        return EventStream(body)
    await fold_to_end(client, exchange, fold)
    return JsonResponse(fold.whole())


async def fold_to_end(client: Client, exchange: Exchange, fold: ChatCompletionFold) -> None:
    """Follow the run to its end. Raises AuthenticationFailed if the token is revoked meanwhile."""
    heartbeat, clock = settings.STREAMS_HEARTBEAT_SECONDS, asyncio.get_running_loop().time
    checked = clock()
    async with aclosing(follow_full_stream(exchange.run_id, heartbeat)) as batches:
        async for batch in batches:  # Django cancels this if the client disconnects
            for run_event in batch:
                fold.apply(run_event)
            if clock() - checked >= heartbeat:  # as for streams: the token may have been revoked meanwhile
                checked = clock()
                if not await client.viewer.recheck([exchange.run_id]):
                    raise AuthenticationFailed()


completions = endpoint(post=_complete, starts_runs=True)
