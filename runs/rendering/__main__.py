"""The process that renders HTML: `python -m runs.rendering`, with a socket to its worker as standard input.

It answers each frame with one frame, until the worker closes the socket or is gone. A text may take CPU_SECONDS of CPU
time and MEMORY_BYTES of memory. A text that takes more time ends the process, which the worker notices. So a worker
that is killed leaves no renderer behind for longer than that.
"""

import math
import os
import resource
import signal
import socket
import sys
import time

from runs.rendering.frames import Flag, read_frame, write_frame
from runs.rendering.markdown import render, render_plain

CPU_SECONDS = 5  # s for one text; `markdown` checks the clock itself, and usually ends before
MEMORY_BYTES = 768 * 1024 * 1024  # of address space; an answer of 300,000 characters takes at most half of it
GROWN_BYTES = 250 * 1024 * 1024  # of memory still held after a text: then a new process replaces this one
NICENESS = 5  # streaming comes first


def main() -> None:
    # Signals to the process group are for the worker; this process notices when the worker ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICENESS)
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    channel = socket.socket(fileno=0)
    channel.setblocking(True)  # gevent makes sockets non-blocking, and this end inherits that
    try:
        while frame := read_frame(channel):
            flags, text = frame
            _limit(resource.RLIMIT_CPU, math.ceil(time.process_time() + CPU_SECONDS))
            html = _render(text, bool(flags & Flag.HIGHLIGHTS))
            has_grown = _held_bytes() > GROWN_BYTES
            write_frame(channel, Flag.LAST if has_grown else Flag(0), html)
            if has_grown:
                return
    except OSError:
        return  # the worker is gone


def _render(text: str, highlights: bool) -> str:
    try:
        return render(text, highlights)
    except Exception as error:  # a bug of ours or of a library: show the plain text
        # Not the whole error, which may quote the text.
        print(f"an answer is left plain: {type(error).__name__}", file=sys.stderr)
        return render_plain(text)


def _held_bytes() -> int:
    """Resident memory of this process. On Linux `ru_maxrss` would include that of the worker that spawned it."""
    try:
        with open("/proc/self/statm") as pages:
            return int(pages.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _limit(resource_id: int, soft: int) -> None:
    """Set a soft limit. The hard limit stays, so that it can be raised for the next text."""
    try:
        resource.setrlimit(resource_id, (soft, resource.getrlimit(resource_id)[1]))
    except (ValueError, OSError):  # not supported on this system
        pass


if __name__ == "__main__":
    main()
