"""Django's ASGI handler, extended by event streams, which continue when Django has done its part.

For each request in progress Django keeps a thread, three tasks and the request itself: 160 KB that a follower has no
use for. And its iteration over the body costs more for each event than everything else. So a view returns an
`EventStream`; Django's middleware and handler treat it like any response and send its headers; its body starts when
they have finished.
"""

from typing import Any, cast

from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponseBase

from streams.transports.asgi_types import Message, Receive, Scope, Send
from streams.transports.sse import EventStream, ResponseBody


class Handler(ASGIHandler):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        exchange = _Exchange(receive, send)
        await super().__call__(scope, exchange.receive, cast(Any, exchange))
        if exchange.body is None:
            return
        if exchange.is_disconnected:
            await exchange.body.discard()
        else:
            await exchange.body.serve(receive, send)

    async def send_response(self, response: HttpResponseBase, send: Any) -> None:
        if isinstance(response, EventStream):
            send.body = response.body
        await super().send_response(response, send)


class _Exchange:
    """The `receive` and `send` of one request, as Django gets them."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self.body: ResponseBody | None = None
        self.is_disconnected = False  # while Django was busy with the request

    async def receive(self) -> Message:
        message = await self._receive()
        self.is_disconnected = self.is_disconnected or message["type"] == "http.disconnect"
        return message

    async def __call__(self, message: Message) -> None:
        if self.body is None or message["type"] != "http.response.body":
            await self._send(message)
