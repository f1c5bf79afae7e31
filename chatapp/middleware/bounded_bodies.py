"""Limit request bodies by declared length, received bytes, and time."""

import asyncio

from django.conf import settings

from chatapp.middleware.body_limits import (
    Refused,
    answer_at,
    bad_head,
    declared_length,
    most_bytes,
    most_bytes_of_strangers,
    too_full,
    too_large,
    too_slow,
)
from chatapp.middleware.senders import check_sender


class BoundedBodies:
    """ASGI middleware that refuses requests whose body is too large for its sender, or too slow.

    The application has not been called then, or is still waiting for the body.
    """

    def __init__(self, application) -> None:
        self._application = application

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return await self._application(scope, receive, send)
        body = _Body(receive, scope)
        try:
            if not scope["query_string"].isascii():  # Django would respond with a bare error
                raise bad_head()
            await body.check_size(declared_length(scope["headers"]))
            await self._application(scope, body.receive, send)
        except Refused as refused:
            await _refuse(scope["path"], refused, send)
        except OSError as error:  # of Django while it reads the body; those of views end in Django
            await _refuse(scope["path"], too_full(error), send)


class _Body:
    """One request's `receive`, which counts bytes until the body is complete."""

    __slots__ = ("_arrived", "_deadline", "_is_whole", "_most", "_receive", "_scope", "_unchecked")

    def __init__(self, receive, scope: dict) -> None:
        self._receive, self._scope = receive, scope
        self._most = most_bytes(scope["path"])
        self._unchecked = most_bytes_of_strangers(scope["path"])  # bytes read from a sender who is not known yet
        self._arrived, self._is_whole = 0, False
        self._deadline = asyncio.get_running_loop().time() + settings.REQUEST_SECONDS

    async def check_size(self, size: int) -> None:
        """Raise Refused if the sender may not send so many bytes."""
        if size > self._most:
            raise too_large()
        if size > self._unchecked:
            headers = dict(self._scope["headers"])
            await check_sender(headers.get(b"cookie", b""), headers.get(b"authorization", b""))
            self._unchecked = self._most

    async def receive(self) -> dict:
        if self._is_whole:  # from now on wait for the client to disconnect
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise too_slow() from None
        self._arrived += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        await self.check_size(self._arrived)
        return message


async def _refuse(path: str, refused: Refused, send) -> None:
    """Send the error. No response has started: the body is read first."""
    response = answer_at(path, refused.reason)
    headers = [(name.lower().encode(), value.encode("latin1")) for name, value in response.items()]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
