"""The shutdown of a worker: its runs may finish until a deadline, then they end as LOST to a restart (B13).

Celery's warm shutdown waits for running tasks without a limit, its soft shutdown hangs the gevent pool, and inside a
task its cold shutdown looks like a Stop. So this step of the worker handles the signals:

1. The first SIGTERM or SIGINT begins the drain: the worker claims no more runs, and the active ones have DRAIN_SECONDS.
2. The second one, or a SIGQUIT, ends the drain at once.
3. The third one is Celery's own cold shutdown, in case all of that hangs.
4. EXIT_SECONDS after the drain's deadline the watchdog kills the process, whatever hangs.

Runs are interrupted as by a Stop, and saved by the same handlers. A run that the handlers did not reach is saved here.
Remaining failure: the database is unavailable. Then the lease runs out, and the reaper ends the runs.
"""

import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol, cast

from celery import bootsteps, signals
from celery.worker import WorkController, state
from celery.worker.request import Request
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from runs.lifecycle import redispatch, transitions
from runs.models import Run, Worker
from runs.states import ACTIVE, LostReason
from runs.worker.engine import HANDOVER_SECONDS, shut_down_engine
from runs.worker.watchdog import ExitWatchdog, mark_shutting_down
from streams.gevent_compat import is_gevent

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1  # s between checks of the deadline and of the active tasks
Handler = Callable[[int, FrameType | None], object]
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class Joinable(Protocol):
    """A thread or a greenlet."""

    def join(self) -> None: ...


class Drain(bootsteps.StartStopStep):
    """A step of Celery's worker, added in `chatapp/celery.py`."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: WorkController, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._worker, self._pid = worker, os.getpid()
        self._signal_count = 0
        self._deadline = math.inf  # of time.monotonic
        self._is_finished = threading.Event()
        self._deadline_keeper: Joinable | None = None
        self._interrupted: dict[str, float] = {}  # by task id: when, of time.monotonic

    def start(self, worker: WorkController) -> None:
        """Runs before the consumer starts, and after Celery has installed its own handlers."""
        self._warm_shutdown = cast(Handler, signal.getsignal(signal.SIGTERM))
        self._cold_shutdown = cast(Handler, signal.getsignal(signal.SIGQUIT))
        self._watchdog = ExitWatchdog()
        for number in SIGNALS:
            signal.signal(number, self._on_signal)
        signals.worker_shutdown.connect(self._finish, weak=False)

    def close(self, worker: WorkController) -> None:
        """Called when the shutdown begins, by a signal or by `celery control shutdown`."""
        self._begin(settings.DRAIN_SECONDS)

    # -- in a signal handler: nothing may block; on gevent it may run in the hub ------------------

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:
            return  # a prefork child that inherited this handler
        self._signal_count += 1
        if self._signal_count > 2:
            self._cold_shutdown(number, frame)
            return
        self._begin(0 if self._signal_count == 2 or number == signal.SIGQUIT else settings.DRAIN_SECONDS)
        if self._signal_count == 1:
            self._warm_shutdown(number, frame)

    def _begin(self, seconds: float) -> None:
        """Drain for `seconds`. A drain that has begun can only be shortened."""
        mark_shutting_down()
        self._deadline = min(self._deadline, time.monotonic() + seconds)
        self._watchdog.arm(self._deadline + settings.EXIT_SECONDS)
        if self._deadline_keeper is None:
            self._deadline_keeper = _spawn(self._keep_deadline)

    # -- concurrent with Celery's own shutdown ----------------------------------------------------

    def _keep_deadline(self) -> None:
        """After the deadline interrupt all tasks. Repeat until the worker ends: some may start at the last moment."""
        while not self._is_finished.wait(POLL_SECONDS):
            if time.monotonic() >= self._deadline:
                self._interrupt_all()
                self._save_interrupted()

    def _interrupt_all(self) -> None:
        for request in _active_requests():
            if request.id not in self._interrupted:
                self._interrupted[request.id] = time.monotonic()
                try:
                    request.terminate(self._worker.pool, signal="SIGTERM")
                except Exception:
                    logger.exception("task %s could not be interrupted", request.id)

    def _save_interrupted(self) -> None:
        """Save runs that their handlers should have saved by now: those of tasks interrupted long enough ago."""
        before = time.monotonic() - HANDOVER_SECONDS - 1
        tasks = [task_id for task_id, at in self._interrupted.items() if at < before]
        try:
            for run_id in Run.objects.filter(task_id__in=tasks, status__in=ACTIVE).values_list("id", flat=True):
                transitions.interrupt(run_id, LostReason.RESTART)
        except Exception:
            logger.exception("interrupted runs could not be saved; the reaper will end them")
        finally:
            connection.close()

    def _finish(self, **kwargs: Any) -> None:
        """The pool is empty: release the lease, and redispatch the runs that this worker gave back."""
        self._is_finished.set()
        if self._deadline_keeper is not None:
            self._deadline_keeper.join()
        shut_down_engine()
        # Interrupted prefork children could not release their leases.
        Worker.objects.filter(runs__task_id__in=list(self._interrupted)).update(lease_until=Now())
        redispatch.redispatch()
        connection.close()


def _spawn(function: Callable[[], None]) -> Joinable:
    """Run `function` concurrently. On gevent starting a thread would block, which a signal handler must not."""
    if is_gevent():
        import gevent

        greenlet: Joinable = gevent.spawn(function)
        return greenlet
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def _active_requests() -> list[Request]:
    """The tasks that are running, read from another thread than Celery's."""
    while True:
        try:
            return list(state.active_requests)
        except RuntimeError:  # the set changed during the iteration
            continue
