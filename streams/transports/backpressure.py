"""Sending to a client at once, and no faster than it reads.

An ASGI server's `send` is a coroutine, but it rarely has to wait. `send_now` runs it on the spot, so that an event
costs no switch of tasks; only where the client reads too slowly the rest is left to a task. uvicorn's `send` waits
for such a client by itself. daphne's never does and would buffer without bound: `Pressure` asks twisted.
"""

import asyncio
import contextlib
import types
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial

Send = Callable[[dict], Coroutine]


def run_now(coroutine: Coroutine) -> Awaitable | None:
    """Run `coroutine` until it has to wait. None: it has ended. Else await the rest of it. Raises what it raises."""
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    return _rest(coroutine, awaited)


@types.coroutine
def _rest(coroutine: Coroutine, awaited: object):
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


class Outlet:
    """Where one client's messages go. At most one of them is on its way.

    Where the client `acknowledges` what it has read, a window bounds what is under way, and twisted is not asked: on
    an upgraded connection it has no place for a producer.
    """

    __slots__ = ("_pressure", "_rest", "_send")

    def __init__(self, send: Send, acknowledges: bool = False) -> None:
        self._send, self._rest = send, None
        self._pressure = None if acknowledges else Pressure.of(send)

    @property
    def is_clear(self) -> bool:
        """Whether the client keeps up."""
        return self._rest is None and (self._pressure is None or not self._pressure.is_high)

    def send_now(self, message: dict) -> None:
        """Send, while `is_clear`."""
        if rest := run_now(self._send(message)):
            self._rest = asyncio.ensure_future(_as_task(rest))
            self._rest.add_done_callback(self._sent)

    async def send(self, message: dict) -> None:
        """Send when the client has taken what was sent before."""
        while self._rest is not None:
            await asyncio.wait([self._rest])
        if self._pressure is not None:
            await self._pressure.is_low()
        await self._send(message)

    async def finish(self, message: dict) -> None:
        """Send the last message there will be. twisted wants no producer registered by then."""
        if self._pressure is not None:
            await self._pressure.is_low()
            self._pressure.close()
            self._pressure = None
        await self.send(message)

    def close(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
        if self._pressure is not None:
            self._pressure.close()

    def _sent(self, task: asyncio.Task) -> None:
        self._rest = None
        if not task.cancelled():
            task.exception()  # the client has gone, which the connection's own task is told


async def _as_task(rest: Awaitable) -> None:
    await rest


class Pressure:
    """The state of a daphne connection's buffer, as told to a twisted push producer."""

    __slots__ = ("_low", "_request")

    @classmethod
    def of(cls, send: Send) -> "Pressure | None":
        """Of the connection behind `send`; None where the server's `send` itself waits."""
        arguments = getattr(send, "args", ())
        request = arguments[0] if arguments else None
        return cls(request) if hasattr(request, "registerProducer") else None

    def __init__(self, request) -> None:
        self._request, self._low = request, asyncio.Event()
        self._low.set()
        request.registerProducer(self, True)

    @property
    def is_high(self) -> bool:
        return not self._low.is_set()

    async def is_low(self) -> None:
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
