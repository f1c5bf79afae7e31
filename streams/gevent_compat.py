"""Native threads beside gevent: the standard library as it was before gevent patched it."""

import logging
import sys
from typing import Any


def is_gevent() -> bool:
    """Whether this process runs on gevent (its standard library is patched)."""
    monkey = sys.modules.get("gevent.monkey")
    return bool(monkey and monkey.is_module_patched("threading"))


def unpatched(module: str, name: str) -> Any:
    """A name of the standard library as it was before gevent patched it."""
    if is_gevent():
        return sys.modules["gevent.monkey"].get_original(module, name)
    return getattr(__import__(module), name)


def use_thread_locks_in_logging() -> None:
    """Let native threads log beside greenlets.

    gevent's locks are for the greenlets of one thread. Two threads that write a line at the same moment can both wait
    for ever, and with the thread of gevent all that it carries. Nobody switches greenlets while he holds a lock of
    logging, so the locks of threads do: here for all that exist.
    """
    if is_gevent():
        make_lock = unpatched("_thread", "RLock")
        logging._lock = make_lock()
        for reference in logging._handlerList:
            if handler := reference():
                handler.lock = make_lock()
