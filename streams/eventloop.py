"""The process's own event loop: one native thread, started on first use, for everything asynchronous.

Under gevent an event loop must not run in a thread that greenlets share: the ORM of every other greenlet would refuse
to work ("cannot be called from a running event loop"). So the loop gets a thread of its own that gevent does not know.
It is started anew after a fork. Work is handed over with `call_soon_threadsafe`, which needs no lock.
"""

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, TypeVarTuple

import uvloop

from streams.gevent_compat import unpatched, use_thread_locks_in_logging

T = TypeVar("T")
Args = TypeVarTuple("Args")

SWITCH_SECONDS = 0.001  # s a busy thread may keep the interpreter from an event loop that has woken up
GC_YOUNG_THRESHOLD = 20_000  # new objects after which Python collects the youngest generation, and
GC_MIDDLE_THRESHOLD = 1  # so many collections of it after which the middle generation is collected as well


def tune_gc() -> None:
    """Keep the garbage collector off everything loaded so far and off objects that live no longer than a batch.

    A collection stops all streams of the process, for 1 ms per thousand objects. With Python's own threshold of 700
    new objects, which is less than one batch makes, a full collection would run every few seconds.
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
        self._tasks: set[asyncio.Task[Any]] = set()
        unpatched("_thread", "start_new_thread")(self._run, ())

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def call(self, function: Callable[[*Args], object], *args: *Args) -> None:
        """Schedule `function(*args)` in the loop. From any thread."""
        self.loop.call_soon_threadsafe(function, *args)

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task. In the loop only."""
        task = self.loop.create_task(coroutine)
        self._tasks.add(task)  # the loop itself keeps weak references only
        task.add_done_callback(self._tasks.discard)
        return task


_lock = threading.Lock()
_current: LoopThread | None = None


def loop_thread() -> LoopThread:
    """Return this process's loop thread; started on first use and after a fork."""
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
    3.11 loses a cancellation that arrives at the moment when its wait ends. Such a loop would never end.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
