"""How much received data all connections of one event loop process in one iteration of it (B68).

Each connection processes at most a slice (`connection.py`). Together they may spend ITERATION_BYTES; the others wait
for the next iteration. A large event arrives in slices but is parsed in one step. That happens in a native thread, for
one event at a time.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from streams.gevent_compat import unpatched

T = TypeVar("T")

ITERATION_BYTES = 128 * 1024  # of all connections in an iteration of the loop: 13 ms of tokens
LARGE_EVENT_BYTES = 16 * 1024  # larger events are parsed in a thread


class LoopBudget:
    """The budget of one event loop. Use it in that loop only."""

    def __init__(self) -> None:
        self._deferred: deque[Callable[[], int]] = deque()
        self._is_scheduled = False
        self._spent = 0  # bytes processed in this iteration
        self._thread_lock = asyncio.Lock()

    def try_spend(self, size: int) -> bool:
        """Whether `size` more bytes may be processed in this iteration."""
        if not self._spent:
            asyncio.get_running_loop().call_soon(self._begin_iteration)
        self._spent += size
        return self._spent <= ITERATION_BYTES

    def _begin_iteration(self) -> None:
        self._spent = 0

    def defer(self, process: Callable[[], int]) -> None:
        """Call `process` in a later iteration; it returns how many bytes it processed."""
        self._deferred.append(process)
        self._schedule()

    def _schedule(self) -> None:
        if self._deferred and not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._run_deferred)

    def _run_deferred(self) -> None:
        self._is_scheduled = False
        remaining = ITERATION_BYTES
        for _ in range(len(self._deferred)):  # a callback that defers again waits for the next iteration
            remaining -= self._deferred.popleft()()
            if remaining <= 0:
                break
        self._schedule()

    async def run_in_thread(self, function: Callable[..., T], *args: object) -> T:
        """Run `function(*args)` in a native thread, one call at a time. Returns or raises its outcome.

        Parsing holds the interpreter's lock. So the next call begins only after a pause as long as the last one took,
        which leaves half of the time to the loop. A caller that is cancelled stops waiting; the next call still waits
        for the thread.
        """
        await self._thread_lock.acquire()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        try:
            unpatched("_thread", "start_new_thread")(self._call, (loop, future, function, args))
        except RuntimeError:
            self._thread_lock.release()
            raise
        return await future

    def _call(
        self,
        loop: asyncio.AbstractEventLoop,
        future: "asyncio.Future[T]",
        function: Callable[..., T],
        args: tuple[object, ...],
    ) -> None:
        """In the thread."""
        start = time.monotonic()
        result: T | None = None
        error: BaseException | None = None
        try:
            result = function(*args)
        except BaseException as raised:
            error = raised
        try:
            loop.call_soon_threadsafe(self._set_outcome, future, result, error, time.monotonic() - start)
        except RuntimeError:  # the loop has been closed
            pass

    def _set_outcome(
        self, future: "asyncio.Future[Any]", result: object, error: BaseException | None, seconds: float
    ) -> None:
        asyncio.get_running_loop().call_later(seconds, self._thread_lock.release)
        if future.done():  # cancelled
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


_budgets: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopBudget] = WeakKeyDictionary()


def loop_budget() -> LoopBudget:
    """The running loop's budget."""
    loop = asyncio.get_running_loop()
    if (budget := _budgets.get(loop)) is None:
        budget = _budgets[loop] = LoopBudget()
    return budget
