"""A client that leaves between a view's end and the body of its response."""

import asyncio

from django.core.handlers.asgi import ASGIHandler

from chatapp.openai import event_stream
from chatapp.openai.event_stream import EncodedBody
from streams.transports.asgi import Handler
from streams.transports.sse import EventStream


class Viewer:
    user_id = 1


def test_a_follower_that_has_begun_before_the_body_ends_with_its_client(monkeypatch):  # B42
    followed = []

    async def follow(stream, idle):
        followed.append("begun")
        try:
            while True:
                yield []
        finally:
            followed.append("ended")

    async def respond(self, scope, receive, send):
        """Django's part: the view has waited for the first event, and the client leaves."""
        body = EncodedBody(Viewer(), "stream", None)
        await body.final_without_output()
        kept.append(body)  # as a cycle of references would keep it
        await self.send_response(EventStream(body), send)
        await receive()

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        pass

    kept = []
    monkeypatch.setattr(event_stream, "follow_full_stream", follow)
    monkeypatch.setattr(ASGIHandler, "__call__", respond)
    asyncio.run(_call(Handler(), receive, send, followed))
    assert followed == ["begun", "ended"]


async def _call(handler, receive, send, followed):
    await handler({"type": "http"}, receive, send)
    assert followed == ["begun", "ended"], "not only when the loop is closed"
