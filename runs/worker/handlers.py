"""Celery's signal handlers: the partial answer of an interrupted task is saved here, exactly once.

What interrupts a task (SystemExit on prefork, GreenletExit on gevent) also interrupts whatever the task would do about
it, so saving is the handlers' work. `task_postrun` with state None is the first saver. `task_revoked` fires at the same
time, in another greenlet (gevent) or in the worker's main process (prefork); it is the backstop and lets the first one
go ahead. `task_failure` covers what the task did not foresee and WorkerLostError. They may all fire for one task, and
for a run that has just completed: compare-and-set in `runs/lifecycle/transitions.py` decides.
"""

import logging
import threading
import time
from functools import partial
from uuid import UUID

from celery import signals
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
from runs.worker.engine import HANDOVER_SECONDS, pool_name, retire_engine, start_engine
from runs.worker.shielding import persist, shielded
from runs.worker.watchdog import is_leaving

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1  # s before the second look whether the first saver is done; then twice as long each time
GEVENT, PREFORK = "gevent", "prefork"
OF_MAIN = "runs.main_process"


def _active(task_id: str) -> Run | None:
    return Run.objects.filter(task_id=task_id, status__in=ACTIVE).first()


def _save(task_id: str, error: InternalError | None = None, trace: str = "") -> None:
    """End the task's run, if nobody has: FAILED with an error, else as interrupted.

    Inside the task a deploy looks like a Stop; nothing says "stopped" that nobody has asked for.
    """
    connection.close()  # an interrupted one may be half-way
    try:
        persist(_end, UUID(task_id), error, trace)
    except Exception:
        logger.exception("the end of task %s could not be saved", task_id)


def _end(task_id: UUID, error: InternalError | None, trace: str) -> None:
    run = _active(task_id)
    if run is None:
        return
    if error is not None:
        transitions.fail(run.id, error, trace)
    else:
        transitions.interrupt(run.id, LostReason.RESTART if is_leaving() else LostReason.INTERRUPTED)


@signals.task_postrun.connect(dispatch_uid="runs.postrun")
def save_interrupted(sender=None, task_id=None, state=None, **kwargs) -> None:
    """A task that was interrupted has no state. Its engine has handed in everything by now."""
    if sender.name == GENERATE and state is None:
        _save(task_id)


@signals.task_revoked.connect(dispatch_uid="runs.revoked")
def save_revoked(sender=None, request=None, terminated=False, **kwargs) -> None:
    """The backstop, in a thread (greenlet) of its own: here it would die with the task, or block the main process."""
    if sender.name == GENERATE:
        threading.Thread(target=_save_if_nobody_did, args=(request.id,), daemon=True).start()


def _save_if_nobody_did(task_id: str) -> None:
    deadline, pause = time.monotonic() + HANDOVER_SECONDS + 1, POLL_SECONDS
    while time.monotonic() < deadline and _may_be_active(task_id):
        time.sleep(pause)
        pause *= 2
    _save(task_id)


def _may_be_active(task_id: str) -> bool:
    try:
        return shielded(_active, task_id) is not None
    except DatabaseError:
        return True


@signals.task_failure.connect(dispatch_uid="runs.failure")
def save_failed(sender=None, task_id=None, exception=None, einfo=None, **kwargs) -> None:
    """An error that the task did not foresee, or a prefork child that is gone."""
    if sender.name != GENERATE:
        return
    if isinstance(exception, WorkerLostError):
        _save(task_id)
    else:
        _save(task_id, InternalError(repr(exception)), str(einfo))


@signals.worker_ready.connect(dispatch_uid="runs.engine_of_worker")
def start_engine_of_worker(sender=None, **kwargs) -> None:
    """On gevent the engine, and with it the lease, is there before the first run. On prefork each child has its own.

    What the main process of a prefork worker counts, without a lease to tell it with, is filed.
    """
    if pool_name() == GEVENT:
        start_engine(sender.hostname, GEVENT)
        _make_html_here()
    else:
        told = partial(_tell_of_main, sender.hostname)
        ended.connect(told, weak=False, dispatch_uid=OF_MAIN)


def _tell_of_main(worker: str, **kwargs) -> None:
    file_report(worker)


@signals.worker_process_init.connect(dispatch_uid="runs.engine_of_child")
def start_engine_of_child(sender=None, **kwargs) -> None:
    connection.close()
    ended.disconnect(dispatch_uid=OF_MAIN)
    tally.begin_anew()  # a child that takes the place of a lost one is forked from a main process that has counted
    start_engine(sender or "", PREFORK)
    _make_html_here()


def _make_html_here() -> None:
    """What this process ends gets its HTML from it, too, without a way through the broker."""
    backlog.open_desk()
    ended.connect(backlog.make_soon, dispatch_uid="runs.rendering")


@signals.worker_process_shutdown.connect(dispatch_uid="runs.engine_of_child")
def retire_engine_of_child(**kwargs) -> None:
    retire_engine()
