"""Send committed events to all followers, from ordinary code.

`announce` is for code that has appended with `streams.log.store` and whose transaction has committed.
"""

import atexit
from collections.abc import Sequence

from streams.delivery.fanout import Sender
from streams.eventloop import LoopThread, is_loop_running, loop_thread
from streams.events import Event
from streams.gevent_compat import unpatched

EXIT_SECONDS = 1.0  # s a process that ends waits for its last announcements

_announcer: tuple[LoopThread, Sender] | None = None


def announce(events: Sequence[Event]) -> None:
    """Send events that are committed to all followers. Returns at once; from any thread."""
    thread = loop_thread()
    thread.call(lambda: process_sender(thread).put(events))


def process_sender(thread: LoopThread) -> Sender:
    """The one sender of this process. In the loop only."""
    global _announcer
    if _announcer is None or _announcer[0] is not thread:
        _announcer = (thread, Sender())
        thread.spawn(_announcer[1].run())
    return _announcer[1]


@atexit.register
def finish_announcing() -> None:
    """Wait a moment for announcements under way: a short command must not end before they are sent."""
    if not is_loop_running():
        return
    thread, sent = loop_thread(), unpatched("_thread", "allocate_lock")()
    sent.acquire()

    async def drain() -> None:
        await process_sender(thread).drain()
        sent.release()

    thread.call(lambda: thread.spawn(drain()))
    sent.acquire(timeout=EXIT_SECONDS)
