"""The process's own event loop: one native thread, started on first use, for everything asynchronous.

Under gevent an event loop must not run in a thread that greenlets share: the ORM of every other greenlet would refuse
to work ("cannot be called from a running event loop"). So the loop gets a thread of its own that gevent does not know.
It is made anew after a fork. Work is handed in with `call_soon_threadsafe`, which needs no lock.
"""

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from streams.gevent_compat import unpatched, use_thread_locks_in_logging

SWITCH_SECONDS = 0.001  # for so long a thread at work keeps the interpreter from an event loop that wakes
GC_YOUNG_THRESHOLD = 20_000  # after so many new ones Python looks for garbage among them, and
GC_MIDDLE_THRESHOLD = 1  # after this many such looks the next one takes in what the earlier ones have left


def tune_gc() -> None:
    """Leave all that is loaded by now out of it, and what lives no longer than a batch of events.

    A look holds up all streams of the process, 1 ms for a thousand objects. After 700 new ones, which is Python's own
    measure and less than one batch makes, everything would be looked through every few seconds.
    """
    gc.freeze()
    gc.set_threshold(GC_YOUNG_THRESHOLD, GC_MIDDLE_THRESHOLD, gc.get_threshold()[2])


class LoopThread:
    """One uvloop in one native thread."""

    def __init__(self) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        use_thread_locks_in_logging()
        self.loop = uvloop.new_event_loop()
        self.pid = os.getpid()
        self._tasks: set[asyncio.Task] = set()
        unpatched("_thread", "start_new_thread")(self._run, ())

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def call(self, function: Callable, *args: Any) -> None:
        """Run `function(*args)` in the loop, soon. From any thread."""
        self.loop.call_soon_threadsafe(function, *args)

    def spawn(self, coroutine: Coroutine) -> asyncio.Task:
        """Start a task. In the loop only."""
        task = self.loop.create_task(coroutine)
        self._tasks.add(task)  # the loop itself keeps weak references only
        task.add_done_callback(self._tasks.discard)
        return task


_lock = threading.Lock()
_current: LoopThread | None = None


def loop_thread() -> LoopThread:
    """This process's loop thread; started on first use and after a fork."""
    global _current
    if _current is None or _current.pid != os.getpid():
        with _lock:
            if _current is None or _current.pid != os.getpid():
                _current = LoopThread()
    return _current


def is_loop_running() -> bool:
    """Whether this process has started its loop thread."""
    return _current is not None and _current.pid == os.getpid()


def is_cancelling() -> bool:
    """Whether the current task has been cancelled.

    For loops that talk to Redis or PostgreSQL: redis-py and psycopg wait with `asyncio.wait_for`, which up to Python
    3.11 loses a cancellation that arrives at the moment when its wait ends. Such a loop would go on for ever.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
