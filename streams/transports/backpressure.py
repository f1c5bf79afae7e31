"""Sending to a client directly, and no faster than it reads.

An ASGI server's `send` is a coroutine that rarely has to wait. `send_now` runs it on the spot, so that an event costs
no switch of tasks; only where the client reads too slowly, a task finishes it. uvicorn's `send` waits for such a client
by itself. daphne's never waits and would buffer without bound: `FlowControl` gets twisted's signals.
"""

import asyncio
import contextlib
import types
from collections.abc import Awaitable, Coroutine, Generator
from functools import partial
from typing import Any

from streams.transports.asgi_types import Message, Send


def run_until_blocked(coroutine: Coroutine[Any, Any, Any]) -> Awaitable[Any] | None:
    """Run `coroutine` until it has to wait. None: it has ended. Otherwise await the result. Raises what it raises."""
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    return _resume(coroutine, awaited)


@types.coroutine
def _resume(coroutine: Coroutine[Any, Any, Any], awaited: object) -> Generator[Any, Any, Any]:
    """Run the rest of a coroutine that waits for `awaited`, which is passed on to the task that awaits this."""
    while True:
        try:
            step = partial(coroutine.send, (yield awaited))
        except BaseException as error:
            step = partial(coroutine.throw, error)
        try:
            awaited = step()
        except StopIteration as end:
            return end.value


class ClientSender:
    """Sends messages to one client, one at a time.

    For a client that `acknowledges` what it has read, a window limits the data in flight and twisted's flow control is
    not used: an upgraded connection has no place for a producer.
    """

    __slots__ = ("_flow_control", "_pending", "_send")

    def __init__(self, send: Send, acknowledges: bool = False) -> None:
        self._send = send
        self._pending: asyncio.Task[None] | None = None  # a `send` that has to wait
        self._flow_control = None if acknowledges else FlowControl.of(send)

    @property
    def can_send(self) -> bool:
        """Whether the client keeps up."""
        return self._pending is None and (self._flow_control is None or not self._flow_control.is_paused)

    def send_now(self, message: Message) -> None:
        """Send at once. Only while `can_send`."""
        if rest := run_until_blocked(self._send(message)):
            self._pending = asyncio.ensure_future(_as_task(rest))
            self._pending.add_done_callback(self._sent)

    async def send(self, message: Message) -> None:
        """Send as soon as the client has read what was sent before."""
        while self._pending is not None:
            await asyncio.wait([self._pending])
        if self._flow_control is not None:
            await self._flow_control.wait_until_resumed()
        await self._send(message)

    async def finish(self, message: Message) -> None:
        """Send the last message. By then twisted must have no producer registered."""
        if self._flow_control is not None:
            await self._flow_control.wait_until_resumed()
            self._flow_control.close()
            self._flow_control = None
        await self.send(message)

    def close(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
        if self._flow_control is not None:
            self._flow_control.close()

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._pending = None
        if not task.cancelled():
            task.exception()  # the client has disconnected, which the connection's own task learns from `receive`


async def _as_task(rest: Awaitable[None]) -> None:
    await rest


class FlowControl:
    """Whether a daphne connection's buffer is full, as signalled to a twisted push producer."""

    __slots__ = ("_request", "_resumed")

    @classmethod
    def of(cls, send: Send) -> "FlowControl | None":
        """Register at the connection behind `send`; None where the server's `send` itself waits.

        daphne's `send` is a `partial` whose first argument is its protocol (tests/streams/test_flow_control.py).
        """
        arguments = getattr(send, "args", ())
        request = arguments[0] if arguments else None
        return cls(request) if hasattr(request, "registerProducer") else None

    def __init__(self, request: Any) -> None:
        self._request, self._resumed = request, asyncio.Event()
        self._resumed.set()
        request.registerProducer(self, True)

    @property
    def is_paused(self) -> bool:
        return not self._resumed.is_set()

    async def wait_until_resumed(self) -> None:
        await self._resumed.wait()

    def close(self) -> None:
        self._resumed.set()
        with contextlib.suppress(Exception):  # the connection may be closed, and with it the registration
            self._request.unregisterProducer()

    # -- twisted's IPushProducer ------------------------------------------------------------------

    def pauseProducing(self) -> None:
        self._resumed.clear()

    def resumeProducing(self) -> None:
        self._resumed.set()

    def stopProducing(self) -> None:
        self._resumed.set()
