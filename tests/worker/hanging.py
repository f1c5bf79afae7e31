"""A module for a worker (`-I tests.worker.hanging`) whose shutdown hangs.

Its threads hang in a native wait, on gevent a greenlet does: there the thread's own stack shows the hub alone.
"""

import threading

from celery import signals


@signals.worker_shutdown.connect
def hang_for_ever(**kwargs) -> None:
    threading.Event().wait()
