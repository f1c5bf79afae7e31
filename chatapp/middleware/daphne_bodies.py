"""The same limits inside daphne, which has a whole request on its disk before it calls the application.

daphne names the class of its requests in a module of its own, and is started by its own command: the class is replaced
there when `chatapp.asgi` is loaded by it. A refused request is answered at once; what its client still sends is read
for a moment and thrown away, for a connection that is closed with unread bytes takes the answer with it.
"""

import sys

from django.conf import settings

from chatapp.middleware.body_limits import Refused, answer_at, as_http, most_bytes, too_large, too_slow

LINGER_SECONDS = 2.0  # s in which a client that is still sending may read why it was refused
SERVER = "daphne.http_protocol"


def install() -> None:
    """Hold daphne to the limits, if it is what serves this process."""
    if SERVER in sys.modules:
        server = sys.modules[SERVER]
        server.WebRequest = _bounded(server.WebRequest)


def _bounded(WebRequest: type) -> type:
    from twisted.internet import reactor  # daphne has chosen it by now

    class BoundedRequest(WebRequest):
        def __init__(self, *args, **kwargs) -> None:
            super().__init__(*args, **kwargs)
            self._arrived, self._is_refused = 0, False
            self._alarm = reactor.callLater(settings.REQUEST_SECONDS, lambda: self._refuse(too_slow()))

        def gotLength(self, length: int | None) -> None:
            """The head is whole. A file for the body is opened here."""
            self._most = most_bytes(self._path)
            if length is not None and length > self._most:
                self._refuse(too_large())
            super().gotLength(0 if self._is_refused else length)

        def handleContentChunk(self, data: bytes) -> None:
            self._arrived += len(data)
            if self._arrived > self._most and not self._is_refused:
                self._refuse(too_large())
                self.content.close()
            if not self._is_refused:
                super().handleContentChunk(data)

        def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
            if not self._is_refused:
                self._cancel_alarm()
                super().requestReceived(command, path, version)

        def connectionLost(self, reason) -> None:
            self._cancel_alarm()
            super().connectionLost(reason)

        @property
        def _path(self) -> str:
            """Of the request line; the request itself is told it only when it is whole."""
            return self.channel._path.decode("latin1").partition("?")[0]

        def _refuse(self, refused: Refused) -> None:
            self._is_refused = True
            self._cancel_alarm()
            transport = self.channel.transport
            transport.write(as_http(answer_at(self._path, refused.reason)))
            getattr(transport, "loseWriteConnection", transport.loseConnection)()
            self._alarm = reactor.callLater(LINGER_SECONDS, transport.abortConnection)

        def _cancel_alarm(self) -> None:
            if self._alarm.active():
                self._alarm.cancel()

    return BoundedRequest
