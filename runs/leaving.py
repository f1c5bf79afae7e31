"""Whether this worker is on its way out.

One byte of memory that prefork's children share with the main process from their fork on: it is set in a signal
handler, where nothing may wait, and every task looks at it before it claims a run.
"""

import mmap

_byte = mmap.mmap(-1, 1)


def leave() -> None:
    """From now on this worker claims no run, and a run that it interrupts is LOST to a restart."""
    _byte[0] = 1


def is_leaving() -> bool:
    return _byte[0] == 1
