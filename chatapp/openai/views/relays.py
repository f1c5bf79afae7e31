"""Embeddings and plain completions: passed on to the model's server in this process, without a run."""

import asyncio
import logging
from functools import partial

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.exceptions import AuthenticationFailed

from chatapp.openai.body_fields import Fields, parse_body
from chatapp.openai.relay_requests import RelayFailed, parse_completion, parse_embeddings, relay_to
from chatapp.openai.relayed_body import RelayedBody
from chatapp.openai.views.endpoint import Client, endpoint, with_database
from runs.error_details import redact
from runs.errors import RunError
from runs.upstream.relay import RelayedRequest, fetch_whole
from streams.transports.connection_limit import count_connection
from streams.transports.sse import EventStream

log = logging.getLogger(__name__)


async def _embed(request: HttpRequest, client: Client) -> HttpResponseBase:
    fields = parse_embeddings(parse_body(request))
    return await _whole(client, await _relay("/embeddings", client.user, fields, False))


async def _complete(request: HttpRequest, client: Client) -> HttpResponseBase:
    fields = parse_completion(parse_body(request))
    relayed = await _relay("/completions", client.user, fields, True)
    if not fields.optional("stream", bool, False):
        return await _whole(client, relayed)
    body = RelayedBody(client.viewer, relayed, partial(_failure, relayed))
    await body.begin()
    return EventStream(body)


async def _whole(client: Client, relayed: RelayedRequest) -> HttpResponse:
    """The response, once it is complete. Django cancels this if the client disconnects."""
    release = count_connection(client.user.pk, client)
    fetching = asyncio.ensure_future(fetch_whole(relayed))
    try:
        while not (await asyncio.wait([fetching], timeout=settings.STREAMS_HEARTBEAT_SECONDS))[0]:
            if await client.viewer.recheck([]) is None:  # the token may have been revoked meanwhile
                raise AuthenticationFailed()
        return HttpResponse(fetching.result(), content_type="application/json")
    except RunError as error:
        raise _failure(relayed, error) from error
    finally:
        fetching.cancel()
        release()


def _failure(relayed: RelayedRequest, error: RunError) -> RelayFailed:
    log.warning("POST %s failed: %s: %s", relayed.url, error.code, redact(str(error), relayed.key))
    return RelayFailed(error, relayed.key)


@with_database
def _relay(path: str, user, fields: Fields, with_defaults: bool) -> RelayedRequest:
    return relay_to(path, user, fields, with_defaults=with_defaults)


embeddings, completions = endpoint(post=_embed, starts_runs=True), endpoint(post=_complete, starts_runs=True)
