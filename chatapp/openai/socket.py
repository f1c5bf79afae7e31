"""The Responses API by WebSocket: each message of the client creates a response, whose events are the messages back.

The same requests, limits, errors and events as by HTTP (`chatapp.openai.views.responses`), one after the other in each
*lane* (`stream_id`). When the client leaves, its responses end (B42).
"""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from contextlib import aclosing
from uuid import UUID

import orjson
from asgiref.sync import ThreadSensitiveContext
from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed

from chatapp.accounts.authentication import authenticated_token, viewer_with
from chatapp.accounts.throttles import FOLLOWS, PROGRAMS
from chatapp.openai.body_fields import parse_object
from chatapp.openai.chat_events import failure_of
from chatapp.openai.errors import MalformedBody, Refusal, TooManyWaiting, UnsupportedParameter, error_response
from chatapp.openai.event_stream import OUTPUT, finish_time
from chatapp.openai.full_stream import RunEvent, follow_full_stream
from chatapp.openai.models import Exchange
from chatapp.openai.prepared_responses import PreparedResponses
from chatapp.openai.response_events import ResponseFold, new_fold
from chatapp.openai.views.endpoint import Client
from chatapp.openai.views.responses import start_response
from streams.access import in_request_thread
from streams.delivery.hub import in_reader_thread
from streams.events import Kind
from streams.transports.asgi_types import Receive, Scope, Send
from streams.transports.backpressure import ClientSender
from streams.transports.connection_limit import TooManyConnections, count_connection
from streams.transports.handshake_token import chosen_protocol, token_in
from streams.transports.page_connection import FAILED, NOT_LOGGED_IN, TOO_MANY

log = logging.getLogger(__name__)

CREATE = "response.create"
MAX_WAITING = 32  # messages of one connection that have not been answered to the end
OWN_RESPONSES = 1_000  # of one connection, which may be continued although they are not stored
FORWARDED_HEADERS = ("Retry-After", "X-Should-Retry")  # of an error


async def responses_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one connection. A handshake without a valid token that may write is refused."""
    await receive()  # websocket.connect
    token = token_in(scope)
    try:
        user, row = await in_reader_thread(authenticated_token, token, FOLLOWS)
    except Exception as refusal:
        await _refuse(refusal, send, scope)
        return
    await send({"type": "websocket.accept", "subprotocol": chosen_protocol(scope)})
    socket = _Socket(token, Client(user, viewer_with(user, row)), send)
    try:
        release = count_connection(user.pk, socket)
    except TooManyConnections as refusal:
        await socket.send_error(refusal, None)
        await send({"type": "websocket.close", "code": TOO_MANY})
        return
    try:
        await socket.serve(receive)
    finally:
        release()
        await socket.close()


async def _refuse(refusal: Exception, send: Send, scope: Scope) -> None:
    """An HTTP error, if the server can send one to a handshake; else it is 403."""
    response = error_response(refusal, _request())
    if "websocket.http.response" in scope.get("extensions", {}):
        headers = [(b"content-type", b"application/json")]
        await send({"type": "websocket.http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": response.content})
    else:
        await send({"type": "websocket.close"})


def _request() -> HttpRequest:
    """For errors, which name it."""
    request = HttpRequest()
    request.method, request.path = "WEBSOCKET", "/v1/responses"
    return request


class _Socket:
    """One connection: a task for each message, which waits for those before it in its lane."""

    def __init__(self, token: str, client: Client, send: Send) -> None:
        self._token, self._client = token, client
        # twisted has no place for a producer here: behind daphne, what a client has not read is buffered.
        self._sender = ClientSender(send, acknowledges=True)
        self._sending = asyncio.Lock()
        self._lanes: dict[str | None, asyncio.Task[None]] = {}  # the last task of each
        self._tasks: set[asyncio.Task[None]] = set()
        self._own: OrderedDict[UUID, None] = OrderedDict()
        self._prepared = PreparedResponses()

    async def serve(self, receive: Receive) -> None:
        watch = asyncio.create_task(self._watch())
        try:
            while (message := await receive())["type"] == "websocket.receive":
                await self._take(message["text"].encode() if message.get("text") else message.get("bytes") or b"")
        finally:
            watch.cancel()

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._sender.close()

    async def send_error(self, error: Exception, lane: str | None) -> None:
        response = error_response(error, _request())
        headers = {name.lower(): response[name] for name in FORWARDED_HEADERS if name in response}
        details = orjson.loads(response.content)["error"] | ({"headers": headers} if headers else {})
        await self._send({"type": "error", "status": response.status_code, "error": details}, lane)

    async def _take(self, raw: bytes) -> None:
        lane = None
        try:
            body = parse_object(raw)
            lane = body.pop("stream_id", None)
            if lane is not None and not isinstance(lane, str):
                lane = None
                raise Refusal("stream_id must be a string.", "stream_id")
            if (kind := body.pop("type", None)) != CREATE:
                raise MalformedBody(f"Messages are of the type {CREATE}, not {str(kind)[:40]}.", "type")
            if len(self._tasks) >= MAX_WAITING:
                raise TooManyWaiting(f"At most {MAX_WAITING} requests may wait.")
        except Exception as error:
            await self.send_error(error, lane)
            return
        task = asyncio.create_task(self._answer(body, lane, self._lanes.get(lane)))
        self._lanes[lane] = task
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._forget(task, lane))

    def _forget(self, task: asyncio.Task[None], lane: str | None) -> None:
        self._tasks.discard(task)
        if self._lanes.get(lane) is task:
            del self._lanes[lane]
        if not task.cancelled() and task.exception() is not None:
            log.error("a response by WebSocket failed", exc_info=task.exception())

    async def _answer(self, body: dict, lane: str | None, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            async with ThreadSensitiveContext():  # a thread of its own for the database, as for each request
                await self._respond(body, lane)
        except Exception as error:
            await self.send_error(error, lane)

    async def _respond(self, body: dict, lane: str | None) -> None:
        await in_request_thread(authenticated_token, self._token, PROGRAMS)
        body.pop("stream", None)
        if body.get("background"):
            raise UnsupportedParameter("background is not supported by WebSocket.", "background")
        generates = body.pop("generate", None)
        body = self._prepared.completed(body)
        if generates is False:
            for event in await in_request_thread(self._prepared.prepare, self._client.user, body):
                await self._send(event, lane)
            return
        exchange = await start_response(self._client, body, own=self._own)
        self._own[exchange.pk] = None
        if len(self._own) > OWN_RESPONSES:
            self._own.popitem(last=False)
        await self._follow(exchange, lane)

    async def _follow(self, exchange: Exchange, lane: str | None) -> None:
        """Send the response's events. What fails before its first word is an error, as by HTTP."""
        fold, early, is_begun = new_fold(exchange), [], False
        async with aclosing(follow_full_stream(exchange.pk, settings.STREAMS_HEARTBEAT_SECONDS)) as batches:
            async for batch in batches:
                early += batch
                is_begun = is_begun or not batch or any(run_event.kind in OUTPUT for run_event in batch)
                if not is_begun and not batch[-1].is_final:
                    continue
                if not is_begun and batch[-1].kind in (Kind.FAILED, Kind.LOST):
                    raise failure_of(batch[-1].kind, batch[-1].data)
                await self._send_events(exchange, fold, early, lane)
                early = []

    async def _send_events(
        self, exchange: Exchange, fold: ResponseFold, run_events: list[RunEvent], lane: str | None
    ) -> None:
        finished_at = await finish_time(exchange.pk, run_events)
        for run_event in run_events:
            for event in fold.apply(run_event, finished_at):
                await self._send(event, lane)

    async def _send(self, event: dict, lane: str | None) -> None:
        text = orjson.dumps(event if lane is None else event | {"stream_id": lane}).decode()
        async with self._sending:
            await self._sender.send({"type": "websocket.send", "text": text})

    async def _watch(self) -> None:
        """Recheck access as long as the connection lasts."""
        code = NOT_LOGGED_IN
        try:
            while await self._client.viewer.recheck([]) is not None:
                await asyncio.sleep(settings.STREAMS_HEARTBEAT_SECONDS)
            await self.send_error(AuthenticationFailed(), None)
        except Exception:
            log.exception("the access of a program could not be rechecked")
            code = FAILED
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(Exception):  # the client may have disconnected
            async with self._sending:
                await self._sender.send({"type": "websocket.close", "code": code})
