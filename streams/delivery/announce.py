"""Announces committed events to all followers, from ordinary code.

For code that has appended with `streams.log.store` and whose transaction has committed. The events of a worker's
engine go through `streams.delivery.writer` instead.
"""

import atexit
from collections.abc import Sequence

from streams.delivery.fanout import Sender
from streams.eventloop import LoopThread, is_loop_running, loop_thread
from streams.events import Event
from streams.gevent_compat import unpatched

EXIT_SECONDS = 1.0  # s an ending process waits for its last announcements

_sender: tuple[LoopThread, Sender] | None = None


def announce(events: Sequence[Event]) -> None:
    """Send committed events to all followers. Returns at once; from any thread."""
    thread = loop_thread()
    thread.call(lambda: process_sender(thread).put(events))


def process_sender(thread: LoopThread) -> Sender:
    """Return the one sender of this process. In the loop only."""
    global _sender
    if _sender is None or _sender[0] is not thread:
        _sender = (thread, Sender())
        thread.spawn(_sender[1].run())
    return _sender[1]


@atexit.register
def finish_announcing() -> None:
    """Wait for announcements in progress: a short command must not end before they are sent."""
    if not is_loop_running():
        return
    thread, done = loop_thread(), unpatched("_thread", "allocate_lock")()
    done.acquire()

    async def drain() -> None:
        await process_sender(thread).drain()
        done.release()

    thread.call(lambda: thread.spawn(drain()))
    done.acquire(timeout=EXIT_SECONDS)
