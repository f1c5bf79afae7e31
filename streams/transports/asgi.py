"""Django's handler, but for event streams: those go on when Django has done its part.

Django keeps for each request that is answered a thread, three tasks and the request itself: 160 KB that a follower
has no use for. And its iteration of the body costs more for each event than all the rest. So a view answers with an
`EventStream`; Django's middleware and handler see it like any response and send its head; its body begins when they
have finished.
"""

from django.core.handlers.asgi import ASGIHandler

from streams.transports.sse import EventBody, EventStream


class Handler(ASGIHandler):
    async def __call__(self, scope, receive, send) -> None:
        exchange = _Exchange(receive, send)
        await super().__call__(scope, exchange.receive, exchange)
        if exchange.body is not None and not exchange.is_over:
            await exchange.body.serve(receive, send)

    async def send_response(self, response, send) -> None:
        if isinstance(response, EventStream):
            send.body = response.body
        await super().send_response(response, send)


class _Exchange:
    """One request's `receive`, and its `send`, as Django sees them."""

    def __init__(self, receive, send) -> None:
        self._receive, self._send = receive, send
        self.body: EventBody | None = None
        self.is_over = False  # the client has gone while Django was at it

    async def receive(self) -> dict:
        message = await self._receive()
        self.is_over = self.is_over or message["type"] == "http.disconnect"
        return message

    async def __call__(self, message: dict) -> None:
        if self.body is None or message["type"] != "http.response.body":
            await self._send(message)
