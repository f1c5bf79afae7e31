"""The process that makes HTML: `python -m runs.rendering`, with a socket to its worker as standard input.

It answers one frame with one frame, until the worker closes the socket or is gone. A text may take CPU_SECONDS of this
process's time and MEMORY_BYTES of its memory; what takes more time ends the process, which the worker notices. So a
worker that is killed leaves nobody behind for longer than that.
"""

import math
import os
import resource
import signal
import socket
import sys
import time

from runs.rendering.frames import Flag, read_frame, write_frame
from runs.rendering.markdown import plain, render

CPU_SECONDS = 5  # s for one text, beyond all the looks at the clock in `markdown`
MEMORY_BYTES = 768 * 1024 * 1024  # of addresses; an answer of 300,000 characters takes half of it at most
GROWN_BYTES = 250 * 1024 * 1024  # of memory held after a text: a new process takes the place of this one
NICENESS = 5  # answers that are being written come first


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # the worker's end is ours, not what its process group is told
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICENESS)
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    channel = socket.socket(fileno=0)
    channel.setblocking(True)  # gevent makes its sockets otherwise, and this end inherits that
    try:
        while frame := read_frame(channel):
            flags, text = frame
            _limit(resource.RLIMIT_CPU, math.ceil(time.process_time() + CPU_SECONDS))
            html = _html_of(text, bool(flags & Flag.HIGHLIGHTS))
            has_grown = _held_bytes() > GROWN_BYTES
            write_frame(channel, Flag.LAST if has_grown else Flag(0), html)
            if has_grown:
                return
    except OSError:
        return  # the worker is gone


def _html_of(text: str, highlights: bool) -> str:
    try:
        return render(text, highlights)
    except Exception as error:  # a fault of ours, or of a library: the text is shown as it was written
        print(f"an answer is left plain: {type(error).__name__}", file=sys.stderr)  # never what it says
        return plain(text)


def _held_bytes() -> int:
    """Memory of this process. Linux counts the worker that spawned it among the most it has ever held (`ru_maxrss`)."""
    try:
        with open("/proc/self/statm") as pages:
            return int(pages.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _limit(what: int, soft: int) -> None:
    """The hard limit stays: a later text gets more time."""
    try:
        resource.setrlimit(what, (soft, resource.getrlimit(what)[1]))
    except (ValueError, OSError):  # not on this system
        pass


if __name__ == "__main__":
    main()
