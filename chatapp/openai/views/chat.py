"""Chat completions: attached runs, which end with the client (B42)."""

import asyncio
from contextlib import aclosing

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from rest_framework.exceptions import AuthenticationFailed

from chatapp.openai.body_fields import body_of
from chatapp.openai.chat_events import Completion
from chatapp.openai.chat_requests import read_chat
from chatapp.openai.event_stream import ToldBody
from chatapp.openai.full_stream import follow_original
from chatapp.openai.run_requests import ask_for
from chatapp.openai.views.endpoint import Client, endpoint
from streams.transports.sse import EventStream


async def _complete(request: HttpRequest, client: Client) -> HttpResponseBase:
    wanted = read_chat(body_of(request))
    exchange = await ask_for(client.user, wanted)
    completion = Completion(exchange, tells_usage=wanted.tells_usage)
    if wanted.is_stream:
        return EventStream(ToldBody(client.viewer, exchange.run_id, completion))
    heartbeat, clock = settings.STREAMS_HEARTBEAT_SECONDS, asyncio.get_running_loop().time
    checked = clock()
    async with aclosing(follow_original(exchange.run_id, heartbeat)) as batches:
        async for batch in batches:  # if the client leaves, Django cancels this here
            for said in batch:
                completion.hear(said)
            if clock() - checked >= heartbeat:  # as for a stream: the token may have been revoked meanwhile
                checked = clock()
                if not await client.viewer.recheck([exchange.run_id]):
                    raise AuthenticationFailed()
    return JsonResponse(completion.whole())


completions = endpoint(post=_complete, starts_runs=True)
