"""Start queued runs: the head of a session's queue, when no run of the session is under way.

Possible failures after a commit: the broker is down (the run goes back to the queue, or fails at once), or this process
dies before it sends the task (`reaper.start_stalled_queues` and `redispatch` send it later).
"""

import logging
from collections.abc import Callable
from functools import partial
from uuid import UUID, uuid4

from django.db import transaction

from chatapp.chats.models import Session
from runs import clock
from runs.errors import BrokerUnavailable
from runs.lifecycle import dispatch
from runs.models import Run
from runs.states import Status

logger = logging.getLogger(__name__)

OnFailure = Callable[[UUID, UUID, BrokerUnavailable], object]  # (run's id, task's id, error)


def lock_session(session_id: UUID) -> None:
    """Make others who change the session's queue wait until the caller's transaction ends."""
    Session.objects.select_for_update().filter(pk=session_id).values_list("pk").first()


def lock_session_of(run_id: UUID) -> None:
    """Lock the run's session, always before the run's own row: two in opposite order would wait for each other."""
    Session.objects.select_for_update(of=("self",)).filter(runs=run_id).values_list("pk").first()


def head_of_queue(session_id: UUID) -> Run | None:
    return Run.objects.filter(session_id=session_id).in_queue().first()


def is_queue_held(session_id: UUID) -> bool:
    return Session.objects.filter(pk=session_id, is_queue_held=True).exists()


@transaction.atomic
def start_next(session_id: UUID) -> None:
    """Start the head of the session's queue, unless a run is under way; of a held queue the run that was sent now."""
    lock_session(session_id)
    runs = Run.objects.filter(session=session_id)
    if runs.under_way().exists():
        return
    run = runs.released().first()
    if run is not None:
        start(run.id)


def start(run_id: UUID, on_failure: OnFailure | None = None) -> None:
    """Give a queued run its task, and the task to the broker on commit. Call it in a transaction.

    Every start has a task id of its own: Celery discards ids that it has seen revoked. If the broker is down, the run
    goes back to the queue (B20), or `on_failure` decides.
    """
    task_id = uuid4()
    Run.objects.filter(pk=run_id, status=Status.QUEUED).update(task_id=task_id, dispatched_at=clock.now())
    transaction.on_commit(partial(_dispatch, run_id, task_id, on_failure or _put_back))


def _dispatch(run_id: UUID, task_id: UUID, on_failure: OnFailure) -> None:
    try:
        dispatch.start(run_id, task_id)
    except dispatch.BrokerDown as error:
        logger.error("run %s could not be started: %s", run_id, error)
        on_failure(run_id, task_id, BrokerUnavailable(str(error)))


def _put_back(run_id: UUID, task_id: UUID, error: BrokerUnavailable) -> None:
    """Its position has not changed, so it is the head of the queue again; the reaper starts it later."""
    Run.objects.filter(pk=run_id, task_id=task_id, status=Status.QUEUED).update(task_id=None)
