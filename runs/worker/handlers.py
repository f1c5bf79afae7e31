"""Celery's signal handlers. They save the partial answer of an interrupted task, exactly once.

An interruption (SystemExit on prefork, GreenletExit on gevent) also interrupts the task's own clean-up, so the handlers
save. `task_postrun` with state None comes first. `task_revoked` fires at the same time, in another greenlet (gevent) or
in the worker's main process (prefork); it is the backstop and waits for the first one. `task_failure` covers unexpected
errors and WorkerLostError. All of them may fire for one task, and for a run that has just completed: compare-and-set in
`runs/lifecycle/transitions.py` decides.
"""

import logging
import threading
import time
from functools import partial
from typing import Any
from uuid import UUID

from celery import Task, signals
from celery.exceptions import WorkerLostError
from django.db import DatabaseError, connection

from runs.errors import InternalError
from runs.lifecycle import transitions
from runs.lifecycle.dispatch import GENERATE
from runs.maintenance.counters import file_report, tally
from runs.models import Run
from runs.rendering import backlog
from runs.signals import ended
from runs.states import ACTIVE, LostReason
from runs.worker.engine import HANDOVER_SECONDS, current_pool, shut_down_engine, start_engine
from runs.worker.shielding import persist, run_shielded
from runs.worker.watchdog import is_shutting_down

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1  # s between the first checks whether the first handler has saved; doubled each time
GEVENT, PREFORK = "gevent", "prefork"
MAIN_PROCESS_UID = "runs.main_process"  # dispatch_uid of what a prefork worker's main process does, not its children


def _active_run(task_id: str | UUID) -> Run | None:
    return Run.objects.filter(task_id=task_id, status__in=ACTIVE).first()


def _save(task_id: str, error: InternalError | None = None, trace: str = "") -> None:
    """End the task's run unless it has ended: FAILED with an error, else as interrupted.

    Inside the task a deploy looks like a Stop, so only a recorded stop request makes a run STOPPED.
    """
    connection.close()  # the interruption may have come in the middle of a query
    try:
        persist(_end, UUID(task_id), error, trace)
    except Exception:
        logger.exception("the end of task %s could not be saved", task_id)


def _end(task_id: UUID, error: InternalError | None, trace: str) -> None:
    run = _active_run(task_id)
    if run is None:
        return
    if error is not None:
        transitions.fail(run.id, error, trace)
    else:
        transitions.interrupt(run.id, LostReason.RESTART if is_shutting_down() else LostReason.INTERRUPTED)


@signals.task_postrun.connect(dispatch_uid="runs.postrun")
def save_interrupted(sender: Task, task_id: str, state: str | None = None, **kwargs: Any) -> None:
    """Save an interrupted task, which has no state. The engine has written everything by now."""
    if sender.name == GENERATE and state is None:
        _save(task_id)


@signals.task_revoked.connect(dispatch_uid="runs.revoked")
def save_revoked(sender: Task, request: Any, **kwargs: Any) -> None:
    """The backstop. It has its own thread or greenlet: here it would die with the task, or block the main process."""
    if sender.name == GENERATE:
        threading.Thread(target=_save_as_backstop, args=(request.id,), daemon=True).start()


def _save_as_backstop(task_id: str) -> None:
    deadline, pause = time.monotonic() + HANDOVER_SECONDS + 1, POLL_SECONDS
    while time.monotonic() < deadline and _may_be_active(task_id):
        time.sleep(pause)
        pause *= 2
    _save(task_id)


def _may_be_active(task_id: str) -> bool:
    try:
        return run_shielded(_active_run, task_id) is not None
    except DatabaseError:
        return True


@signals.task_failure.connect(dispatch_uid="runs.failure")
def save_failed(sender: Task, task_id: str, exception: BaseException, einfo: Any, **kwargs: Any) -> None:
    """Save after an unexpected error, or when a prefork child is gone."""
    if sender.name != GENERATE:
        return
    if isinstance(exception, WorkerLostError):
        _save(task_id)
    else:
        _save(task_id, InternalError(repr(exception)), str(einfo))


@signals.worker_ready.connect(dispatch_uid="runs.engine_of_worker")
def start_engine_of_worker(sender: Any, **kwargs: Any) -> None:
    """On gevent, start the engine, and with it the lease, before the first run. On prefork each child has its own.

    The main process of a prefork worker has no lease to store its counters with, so it files them as a report.
    """
    if current_pool() == GEVENT:
        start_engine(sender.hostname, GEVENT)
        _start_rendering()
    else:
        receiver = partial(_file_main_process_report, sender.hostname)
        ended.connect(receiver, weak=False, dispatch_uid=MAIN_PROCESS_UID)


def _file_main_process_report(worker: str, **kwargs: Any) -> None:
    file_report(worker)


@signals.worker_process_init.connect(dispatch_uid="runs.engine_of_child")
def start_engine_of_child(sender: str | None = None, **kwargs: Any) -> None:
    connection.close()
    ended.disconnect(dispatch_uid=MAIN_PROCESS_UID)
    tally.reset()  # the main process has counted if this child replaces a lost one
    start_engine(sender or "", PREFORK)
    _start_rendering()


def _start_rendering() -> None:
    """Let this process render the answers of runs that it ends, without a detour through the broker."""
    backlog.start_render_thread()
    ended.connect(backlog.render_soon, dispatch_uid="runs.rendering")


@signals.worker_process_shutdown.connect(dispatch_uid="runs.engine_of_child")
def shut_down_engine_of_child(**kwargs: Any) -> None:
    shut_down_engine()
