"""The limits on bodies inside daphne, which spools a whole request to disk before it calls the application.

daphne is started by its own command, so `chatapp.asgi` replaces the class of its requests when daphne loads it. A
refused request gets its response immediately; the client's remaining bytes are read and discarded for a moment, because
closing a connection with unread bytes loses the response. tests/edges/test_private_names.py guards what this relies on.
"""

import asyncio
import sys

from django.conf import settings

from chatapp.middleware.body_limits import (
    Refused,
    answer_at,
    as_http,
    most_bytes,
    most_bytes_of_strangers,
    too_full,
    too_large,
    too_slow,
)
from chatapp.middleware.senders import check_sender

LINGER_SECONDS = 2.0  # s for a client that is still sending to read the response
SERVER = "daphne.http_protocol"


def install() -> None:
    """Apply the limits if this process is a daphne server."""
    if SERVER in sys.modules:
        server = sys.modules[SERVER]
        server.WebRequest = _bounded(server.WebRequest)


def _bounded(WebRequest: type) -> type:
    from twisted.internet import reactor  # set by daphne before it loads the application

    class BoundedRequest(WebRequest):
        def __init__(self, *args, **kwargs) -> None:
            super().__init__(*args, **kwargs)
            self._arrived, self._is_refused = 0, False
            self._sender: asyncio.Task[None] | None = None  # finds out who sends a large body, which waits meanwhile
            self._whole: tuple[bytes, bytes, bytes] | None = None  # a request that was complete by then
            self._alarm = reactor.callLater(settings.REQUEST_SECONDS, lambda: self._refuse(too_slow()))

        def gotLength(self, length: int | None) -> None:
            """The headers are complete. daphne opens a file for the body here."""
            self._most, self._unchecked = most_bytes(self._path), most_bytes_of_strangers(self._path)
            self._check_size(length or 0)
            super().gotLength(0 if self._is_refused else length)

        def handleContentChunk(self, data: bytes) -> None:
            self._arrived += len(data)
            if not self._is_refused:
                self._check_size(self._arrived)
            if self._is_refused:
                return
            try:
                super().handleContentChunk(data)
            except OSError as error:
                self._refuse(too_full(error))

        def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
            if self._sender is not None and not self._sender.done():
                self._whole = (command, path, version)
            elif not self._is_refused:
                self._cancel_alarm()
                super().requestReceived(command, path, version)

        def connectionLost(self, reason) -> None:
            self._cancel_alarm()
            if self._sender is not None:
                self._sender.cancel()
            super().connectionLost(reason)

        def _check_size(self, size: int) -> None:
            if size > self._most:
                self._refuse(too_large())
            elif size > self._unchecked and self._sender is None:
                self.channel.transport.pauseProducing()
                self._sender = asyncio.ensure_future(self._check_sender())

        async def _check_sender(self) -> None:
            headers = [self.requestHeaders.getRawHeaders(name, [b""])[0] for name in (b"cookie", b"authorization")]
            try:
                await check_sender(*headers)
            except Refused as refused:
                self._refuse(refused)
            self.channel.transport.resumeProducing()
            if self._whole is not None and not self._is_refused:
                self._cancel_alarm()
                super().requestReceived(*self._whole)

        @property
        def _path(self) -> str:
            """The path of the request line; the request itself has it only once it is complete."""
            return self.channel._path.decode("latin1").partition("?")[0]

        def _refuse(self, refused: Refused) -> None:
            self._is_refused = True
            self._cancel_alarm()
            if self.content is not None:
                self.content.close()  # what is on the disk
            transport = self.channel.transport
            transport.write(as_http(answer_at(self._path, refused.reason)))
            getattr(transport, "loseWriteConnection", transport.loseConnection)()
            self._alarm = reactor.callLater(LINGER_SECONDS, transport.abortConnection)

        def _cancel_alarm(self) -> None:
            if self._alarm.active():
                self._alarm.cancel()

    return BoundedRequest
