"""The body of a streamed response that is passed on, event by event, with no more in memory than its client reads."""

import asyncio
import logging
from collections.abc import Callable
from weakref import finalize

from django.conf import settings

from chatapp.openai.chat_events import frame
from chatapp.openai.errors import RunFailed, error_body
from runs.errors import RunError
from runs.upstream.relay import RelayedRequest, RelayedStream
from streams.access import Viewer
from streams.transports.sse import HEARTBEAT, ResponseBody

log = logging.getLogger(__name__)


class RelayedBody(ResponseBody):
    """Sends the payloads of a model server's stream. Access is rechecked every heartbeat.

    The server's connection is closed when this object is collected, whether it was served or not.
    """

    __slots__ = ("_describe", "_stream")

    def __init__(self, viewer: Viewer, request: RelayedRequest, describe: Callable[[RunError], RunFailed]) -> None:
        """`describe` makes an error for programs. Raises TooManyConnections."""
        super().__init__(viewer)
        self._stream, self._describe = RelayedStream(request), describe
        finalize(self, self._stream.cancel).atexit = False

    async def begin(self) -> None:
        """Wait for the first event, or for one heartbeat of silence, so that an error before it has a status.

        Raises RunFailed.
        """
        try:
            await self._stream.wait(settings.STREAMS_HEARTBEAT_SECONDS)
            if self._stream.has_failed:
                self._stream.take()
        except RunError as error:
            raise self._describe(error) from error
        except asyncio.CancelledError:
            self._stream.cancel()
            raise

    async def discard(self) -> None:
        self._stream.cancel()
        await super().discard()

    def _start(self) -> "asyncio.Task[None]":
        return asyncio.ensure_future(self._send_all())

    async def _send_all(self) -> None:
        """Send everything, and end the response in any case: see EventBody."""
        end = b""
        try:
            await self._send_events()
        except RunError as error:
            failure = self._describe(error)
            end = frame(error_body(failure.status, failure.public_code, failure.message, failure.param))
        except Exception:
            log.exception("passing on a stream failed")
        finally:
            self._stream.cancel()
        await self._sender.finish({"type": "http.response.body", "body": end})

    async def _send_events(self) -> None:
        heartbeat, clock = settings.STREAMS_HEARTBEAT_SECONDS, asyncio.get_running_loop().time
        checked = clock()
        while True:
            has_arrived = await self._stream.wait(heartbeat)
            payloads = self._stream.take() if has_arrived else []
            if has_arrived and not payloads:
                return
            body = b"".join(map(_frame, payloads)) or HEARTBEAT
            await self._sender.send({"type": "http.response.body", "body": body, "more_body": True})
            if clock() - checked >= heartbeat:
                checked = clock()
                if await self._viewer.recheck([]) is None:
                    return


def _frame(payload: bytes) -> bytes:
    return b"data: %b\n\n" % payload.replace(b"\n", b"\ndata: ")
