"""How this worker knows that it is on its way out, and what makes sure that it gets there.

The mark is one byte of memory that prefork's children share with the main process from their fork on: it is set in a
signal handler, where nothing may wait, and every task looks at it before it claims a run.

A shutdown can hang: in a silent broker, in a pool that waits for a child which is gone, in somebody's signal handler.
An operator who waits for a deploy shall not have to find that out, so the end is a bound and not a hope: a native
thread, which needs neither gevent's hub nor a lock, says where the process hangs and ends it. Once the interpreter is
being taken down it runs no thread any more; then a watchdog of its C code does the same, without an eye for children.
"""

import faulthandler
import gc
import math
import mmap
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from streams.gevent_compat import unpatched

_byte = mmap.mmap(-1, 1)

FORCED = 70  # exit code of a worker that did not end by itself (EX_SOFTWARE)
LOOK_SECONDS = 0.5  # s between looks at the clock
WATCHDOG_SECONDS = 3.0  # s after the thread had to have ended it


def leave() -> None:
    """From now on this worker claims no run, and a run that it interrupts is LOST to a restart."""
    _byte[0] = 1


def is_leaving() -> bool:
    return _byte[0] == 1


class LastResort:
    """Ends this process, and the children it has, once its time is over."""

    def __init__(self, children: Callable[[], Iterable[int]]) -> None:
        self._at = math.inf
        self._children = children
        unpatched("_thread", "start_new_thread")(self._watch, ())

    def bound(self, at: float) -> None:
        """The process has to have ended at `at` (of time.monotonic). Nothing here waits."""
        self._at = at
        seconds = max(at - time.monotonic(), 0) + LOOK_SECONDS + WATCHDOG_SECONDS
        faulthandler.dump_traceback_later(seconds, file=sys.__stderr__, exit=True)

    def _watch(self) -> None:
        sleep = unpatched("time", "sleep")
        while time.monotonic() < self._at:
            sleep(LOOK_SECONDS)
        try:
            self._say_where()
        finally:
            for pid in self._children():
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            os._exit(FORCED)

    def _say_where(self) -> None:
        """Past the logging module: whoever hangs may hold its lock."""
        out = sys.__stderr__.fileno()
        os.write(out, b"The worker did not end in time and is ended by force. It hangs here:\n")
        faulthandler.dump_traceback(out)
        for line in _where_greenlets_wait():
            os.write(out, line.encode(errors="replace"))


def _where_greenlets_wait() -> Iterator[str]:
    """The stacks of all greenlets that wait: on gevent a thread's own stack shows no more than the hub."""
    if "greenlet" not in sys.modules:
        return
    kind = sys.modules["greenlet"].greenlet
    gc.unfreeze()  # or those that are older than the engine would not be among the objects
    for one in gc.get_objects():
        if issubclass(type(one), kind) and one.gr_frame is not None:
            yield f"\nGreenlet 0x{id(one):x} (most recent call first):\n"
            frame = one.gr_frame
            while frame is not None:
                yield f'  File "{frame.f_code.co_filename}", line {frame.f_lineno} in {frame.f_code.co_name}\n'
                frame = frame.f_back
