"""Native threads beside gevent: the standard library as it was before gevent patched it."""

import logging
import sys
from typing import Any


def is_gevent() -> bool:
    """Whether this process runs on gevent (its standard library is patched)."""
    monkey = sys.modules.get("gevent.monkey")
    return bool(monkey and monkey.is_module_patched("threading"))


def unpatched(module: str, name: str) -> Any:
    """Return an attribute of a standard library's module as it was before gevent patched it."""
    if is_gevent():
        return sys.modules["gevent.monkey"].get_original(module, name)
    return getattr(__import__(module), name)


def use_thread_locks_in_logging() -> None:
    """Replace the locks of `logging` and of all its handlers by those of threads, so that native threads can log.

    gevent's locks are for the greenlets of one thread. Two threads that write a line at the same moment can both wait
    forever, and with gevent's thread all its greenlets. No greenlet is switched while a lock of logging is held, so
    locks of threads do. logging has no public way to reach either; tests/streams/test_gevent_compat.py guards both.
    """
    if is_gevent():
        make_lock = unpatched("_thread", "RLock")
        logging._lock = make_lock()  # type: ignore[attr-defined]
        for reference in logging._handlerList:  # type: ignore[attr-defined]
            if handler := reference():
                handler.lock = make_lock()
