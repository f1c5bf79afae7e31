"""How a worker ends: its runs may finish until a deadline, then they are ended as LOST to a restart (B13).

Celery's warm shutdown waits for running tasks without a limit, its soft shutdown hangs the gevent pool, and inside a
task its cold shutdown looks like a Stop. So this step of the worker takes the signals:

1. The first SIGTERM or SIGINT begins the drain: no run is claimed any more, those that run have DRAIN_SECONDS.
2. The second one, or a SIGQUIT, ends the drain now.
3. The next one is Celery's own cold shutdown, should all of that hang.
4. Whatever hangs: EXIT_SECONDS after the deadline of the drain the process is ended by force.

What is interrupted is interrupted the way a Stop is, and saved by the same handlers. A run whose handlers did not come
to it is saved here. What can still go wrong: the database is away; then the lease runs out and the reaper ends them.
"""

import logging
import math
import os
import signal
import threading
import time
from types import FrameType

from celery import bootsteps, signals
from celery.worker import state
from celery.worker.request import Request
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from runs.lifecycle import redispatch, transitions
from runs.models import Run, Worker
from runs.states import ACTIVE, LostReason
from runs.worker.engine import HANDOVER_SECONDS, retire_engine
from runs.worker.watchdog import LastResort, leave
from streams.gevent_compat import is_gevent

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1  # s between looks at the deadline and at what still runs
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class Drain(bootsteps.StartStopStep):
    """The step of Celery's worker that this module is about; `chatapp/celery.py` adds it."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker, **kwargs) -> None:
        super().__init__(worker, **kwargs)
        self._worker, self._pid = worker, os.getpid()
        self._asked = 0
        self._deadline = math.inf  # of time.monotonic
        self._over = threading.Event()
        self._watch = None
        self._interrupted: dict[str, float] = {}  # task id: when

    def start(self, worker) -> None:
        """Before the consumer starts, and after Celery has installed its own handlers."""
        self._warm, self._cold = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGQUIT)
        self._last_resort = LastResort(self._children)
        for number in SIGNALS:
            signal.signal(number, self._on_signal)
        signals.worker_shutdown.connect(self._finish, weak=False)

    def close(self, worker) -> None:
        """The shutdown begins; by a signal, or by `celery control shutdown`."""
        self._begin(settings.DRAIN_SECONDS)

    # -- in a signal handler: nothing here may wait, on gevent it may run in the hub --------------

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:
            return  # a child of prefork that has inherited this handler
        self._asked += 1
        if self._asked > 2:
            self._cold(number, frame)
            return
        self._begin(0 if self._asked == 2 or number == signal.SIGQUIT else settings.DRAIN_SECONDS)
        if self._asked == 1:
            self._warm(number, frame)

    def _begin(self, seconds: float) -> None:
        """Leave within `seconds`; one that has begun can only become shorter."""
        leave()
        self._deadline = min(self._deadline, time.monotonic() + seconds)
        self._last_resort.bound(self._deadline + settings.EXIT_SECONDS)
        if self._watch is None:
            self._watch = _spawn(self._keep_deadline)

    def _children(self) -> list[int]:
        """The processes of prefork's pool, which would outlive this one."""
        pool = getattr(self._worker.pool, "_pool", None)
        return [process.pid for process in getattr(pool, "_pool", ()) if process.pid]

    # -- beside the worker's own shutdown ---------------------------------------------------------

    def _keep_deadline(self) -> None:
        """Until the worker is done. A task that was begun in the last moment is found in a later round."""
        while not self._over.wait(POLL_SECONDS):
            if time.monotonic() >= self._deadline:
                self._interrupt_all()
                self._save_forgotten()

    def _interrupt_all(self) -> None:
        for request in _active_requests():
            if request.id not in self._interrupted:
                self._interrupted[request.id] = time.monotonic()
                try:
                    request.terminate(self._worker.pool, signal="SIGTERM")
                except Exception:
                    logger.exception("task %s could not be interrupted", request.id)

    def _save_forgotten(self) -> None:
        """The runs of tasks that were interrupted long enough ago for their own handlers to have saved them."""
        before = time.monotonic() - HANDOVER_SECONDS - 1
        tasks = [task_id for task_id, at in self._interrupted.items() if at < before]
        try:
            for run_id in Run.objects.filter(task_id__in=tasks, status__in=ACTIVE).values_list("id", flat=True):
                transitions.interrupt(run_id, LostReason.RESTART)
        except Exception:
            logger.exception("interrupted runs could not be saved; the reaper will")
        finally:
            connection.close()

    def _finish(self, **kwargs) -> None:
        """The pool is empty: nothing needs the lease any more, and what this worker sent back may go to another."""
        self._over.set()
        if self._watch is not None:
            self._watch.join()
        retire_engine()
        # Children of prefork that were interrupted could not give theirs up.
        Worker.objects.filter(runs__task_id__in=list(self._interrupted)).update(lease_until=Now())
        redispatch.redispatch()
        connection.close()


def _spawn(function):
    """Run something beside the rest; on gevent a thread's start would wait, which a signal handler must not."""
    if is_gevent():
        import gevent

        return gevent.spawn(function)
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def _active_requests() -> list[Request]:
    """What runs, seen from another thread than Celery's."""
    while True:
        try:
            return list(state.active_requests)
        except RuntimeError:  # it changed meanwhile
            continue
