"""What all connections of one event loop share: so much of what they bring is dealt with in a turn of it (B68).

Alone, each of them takes its slice. Together they may take a turn's share; the others wait for the next one. A large
event is another matter: it comes in slices, but is parsed at once. That is done beside the loop, for one at a time.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

from streams.gevent_compat import original

T = TypeVar("T")

TURN_BYTES = 128 * 1024  # of all connections in a turn of the loop: 13 ms of tokens
HEAVY_BYTES = 16 * 1024  # of an event: larger ones are parsed beside the loop


class Lane:
    """Of one event loop, and for that only."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], int]] = deque()
        self._is_scheduled = False
        self._now, self._bytes = 0.0, 0  # taken since then
        self._heavy = asyncio.Lock()

    def has_room(self, size: int, now: float) -> bool:
        """Whether `size` bytes more may be taken in this turn; uvloop's time is the same for all of a turn."""
        if now != self._now:
            self._now, self._bytes = now, 0
        self._bytes += size
        return self._bytes <= TURN_BYTES

    def put_off(self, take: Callable[[], int]) -> None:
        """Have `take` called in a later turn; it returns how many bytes it took."""
        self._waiting.append(take)
        self._schedule()

    def _schedule(self) -> None:
        if self._waiting and not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._take_turns)

    def _take_turns(self) -> None:
        self._is_scheduled = False
        left = TURN_BYTES
        for _ in range(len(self._waiting)):  # who has had a turn and wants more waits for the next one
            left -= self._waiting.popleft()()
            if left <= 0:
                break
        self._schedule()

    async def alone(self, work: Callable[..., T], *args: object) -> T:
        """What `work` returns or raises. A native thread does it, and no other work of this kind meanwhile.

        A thread that parses keeps the interpreter to itself. So the next one begins only after a rest as long: half of
        the time is the loop's. Who is cancelled does not wait any more; the next one still waits for the thread.
        """
        await self._heavy.acquire()
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        try:
            original("_thread", "start_new_thread")(self._work, (loop, done, work, args))
        except RuntimeError:
            self._heavy.release()
            raise
        return await done

    def _work(self, loop: asyncio.AbstractEventLoop, done: asyncio.Future, work: Callable, args: tuple) -> None:
        """In the thread."""
        start = time.monotonic()
        try:
            outcome, error = work(*args), None
        except BaseException as raised:
            outcome, error = None, raised
        try:
            loop.call_soon_threadsafe(self._hand_over, done, outcome, error, time.monotonic() - start)
        except RuntimeError:  # the loop has been closed
            pass

    def _hand_over(self, done: asyncio.Future, outcome: object, error: BaseException | None, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._heavy.release)
        if done.done():  # cancelled
            return
        if error is None:
            done.set_result(outcome)
        else:
            done.set_exception(error)


_lanes: WeakKeyDictionary[asyncio.AbstractEventLoop, Lane] = WeakKeyDictionary()


def lane() -> Lane:
    """That of the running loop."""
    loop = asyncio.get_running_loop()
    if (its := _lanes.get(loop)) is None:
        its = _lanes[loop] = Lane()
    return its
