"""Native threads beside gevent: what of the standard library's and gevent's insides they depend on is there."""

import logging
import subprocess
import sys

import pytest

pytestmark = pytest.mark.one_database

PATCHED = """
from gevent import monkey; monkey.patch_all()
import _thread, logging, threading
from streams.gevent_compat import is_gevent, unpatched, use_thread_locks_in_logging
assert is_gevent()
assert unpatched("_thread", "allocate_lock") is not _thread.allocate_lock
handler = logging.StreamHandler()
use_thread_locks_in_logging()
native = type(unpatched("_thread", "RLock")())
assert type(logging._lock) is native, logging._lock
assert type(handler.lock) is native, handler.lock
print("native")
"""


def test_logging_still_has_the_lock_and_the_list_of_handlers_that_are_replaced_under_gevent():  # B6
    """If a Python renames them, `streams.gevent_compat` must find the new ones: else two threads that log deadlock."""
    handler = logging.NullHandler()
    assert hasattr(logging._lock, "acquire")
    assert any(reference() is handler for reference in logging._handlerList)


def test_under_gevent_logging_has_locks_of_threads():  # B6
    done = subprocess.run([sys.executable, "-c", PATCHED], capture_output=True, text=True, timeout=60)
    assert done.stdout == "native\n", done.stderr
