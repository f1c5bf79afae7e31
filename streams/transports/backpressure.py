"""Sending to a client at once, and no faster than it reads.

An ASGI server's `send` is a coroutine, but it rarely has to wait. `send_now` runs it on the spot, so that an event
costs no switch of tasks; only where the client reads too slowly the rest is left to a task. uvicorn's `send` waits
for such a client by itself. daphne's never does and would buffer without bound: `FlowControl` asks twisted.
"""

import asyncio
import contextlib
import types
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial

Send = Callable[[dict], Coroutine]


def run_until_blocked(coroutine: Coroutine) -> Awaitable | None:
    """Run `coroutine` until it has to wait. None: it has ended. Else await the rest of it. Raises what it raises."""
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    return _resume(coroutine, awaited)


@types.coroutine
def _resume(coroutine: Coroutine, awaited: object):
    """What is left of a coroutine that waits for `awaited`: hand that to the task that runs this now."""
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
    """Where one client's messages go. At most one of them is on its way.

    Where the client `acknowledges` what it has read, a window bounds what is under way, and twisted is not asked: on
    an upgraded connection it has no place for a producer.
    """

    __slots__ = ("_flow_control", "_rest", "_send")

    def __init__(self, send: Send, acknowledges: bool = False) -> None:
        self._send, self._rest = send, None
        self._flow_control = None if acknowledges else FlowControl.of(send)

    @property
    def can_send(self) -> bool:
        """Whether the client keeps up."""
        return self._rest is None and (self._flow_control is None or not self._flow_control.is_paused)

    def send_now(self, message: dict) -> None:
        """Send, while `can_send`."""
        if rest := run_until_blocked(self._send(message)):
            self._rest = asyncio.ensure_future(_as_task(rest))
            self._rest.add_done_callback(self._sent)

    async def send(self, message: dict) -> None:
        """Send when the client has taken what was sent before."""
        while self._rest is not None:
            await asyncio.wait([self._rest])
        if self._flow_control is not None:
            await self._flow_control.wait_until_resumed()
        await self._send(message)

    async def finish(self, message: dict) -> None:
        """Send the last message there will be. twisted wants no producer registered by then."""
        if self._flow_control is not None:
            await self._flow_control.wait_until_resumed()
            self._flow_control.close()
            self._flow_control = None
        await self.send(message)

    def close(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
        if self._flow_control is not None:
            self._flow_control.close()

    def _sent(self, task: asyncio.Task) -> None:
        self._rest = None
        if not task.cancelled():
            task.exception()  # the client has gone, which the connection's own task is told


async def _as_task(rest: Awaitable) -> None:
    await rest


class FlowControl:
    """The state of a daphne connection's buffer, as told to a twisted push producer."""

    __slots__ = ("_low", "_request")

    @classmethod
    def of(cls, send: Send) -> "FlowControl | None":
        """Of the connection behind `send`; None where the server's `send` itself waits."""
        arguments = getattr(send, "args", ())
        request = arguments[0] if arguments else None
        return cls(request) if hasattr(request, "registerProducer") else None

    def __init__(self, request) -> None:
        self._request, self._low = request, asyncio.Event()
        self._low.set()
        request.registerProducer(self, True)

    @property
    def is_paused(self) -> bool:
        return not self._low.is_set()

    async def wait_until_resumed(self) -> None:
        await self._low.wait()

    def close(self) -> None:
        self._low.set()
        with contextlib.suppress(Exception):  # the connection may be gone, and with it the registration
            self._request.unregisterProducer()

    # -- twisted's IPushProducer ------------------------------------------------------------------

    def pauseProducing(self) -> None:
        self._low.clear()

    def resumeProducing(self) -> None:
        self._low.set()

    def stopProducing(self) -> None:
        self._low.set()
