"""The flag that says this worker is shutting down, and the watchdog that enforces the deadline of the shutdown.

The flag is one byte of memory that prefork's children share with the main process. It is set in a signal handler, where
nothing may block, and every task checks it before it claims a run.

A shutdown can hang: on a silent broker, in a pool that waits for a lost child, in a handler of Celery's signals. A
native thread enforces the deadline: it needs neither gevent's hub nor a lock, prints where the process hangs, and ends
it. While the interpreter is finalized no thread runs any more; then faulthandler's watchdog, written in C, does the
same, but leaves children alone.
"""

import faulthandler
import gc
import math
import mmap
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import billiard

from streams.gevent_compat import unpatched

_flag = mmap.mmap(-1, 1)

STDERR = 2  # the file descriptor: sys.stderr may be redirected, or None
EXIT_FORCED = 70  # exit code of a worker that did not exit in time (EX_SOFTWARE)
POLL_SECONDS = 0.5  # s between checks of the clock
FAULTHANDLER_SECONDS = 3.0  # s that faulthandler waits longer than the thread


def mark_shutting_down() -> None:
    """From now on this worker claims no run, and a run that it interrupts is LOST to a restart."""
    _flag[0] = 1


def is_shutting_down() -> bool:
    return _flag[0] == 1


class ExitWatchdog:
    """Kills this process and its pool's children at a deadline."""

    def __init__(self) -> None:
        self._deadline = math.inf  # of time.monotonic
        unpatched("_thread", "start_new_thread")(self._watch, ())

    def arm(self, deadline: float) -> None:
        """Set the deadline, of time.monotonic. Never blocks."""
        self._deadline = deadline
        seconds = max(deadline - time.monotonic(), 0) + POLL_SECONDS + FAULTHANDLER_SECONDS
        faulthandler.dump_traceback_later(seconds, file=STDERR, exit=True)

    def _watch(self) -> None:
        sleep = unpatched("time", "sleep")
        while time.monotonic() < self._deadline:
            sleep(POLL_SECONDS)
        try:
            self._dump_stacks()
        finally:
            for child in billiard.active_children():  # of prefork's pool; they would outlive this process
                with suppress(OSError):
                    os.kill(child.pid, signal.SIGKILL)
            os._exit(EXIT_FORCED)

    def _dump_stacks(self) -> None:
        """Bypasses the logging module: what hangs may hold its lock."""
        os.write(STDERR, b"The worker did not exit in time and is killed. It hangs here:\n")
        faulthandler.dump_traceback(STDERR)
        for line in _greenlet_stacks():
            os.write(STDERR, line.encode(errors="replace"))


def _greenlet_stacks() -> Iterator[str]:
    """The stacks of all suspended greenlets. On gevent a thread's own stack shows only the hub."""
    if "greenlet" not in sys.modules:
        return
    greenlet = sys.modules["greenlet"].greenlet
    gc.unfreeze()  # get_objects leaves out frozen objects: those that are older than the engine
    for obj in gc.get_objects():
        if issubclass(type(obj), greenlet) and obj.gr_frame is not None:
            yield f"\nGreenlet 0x{id(obj):x} (most recent call first):\n"
            frame = obj.gr_frame
            while frame is not None:
                yield f'  File "{frame.f_code.co_filename}", line {frame.f_lineno} in {frame.f_code.co_name}\n'
                frame = frame.f_back
