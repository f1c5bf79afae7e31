"""New tasks for runs whose task no worker will take: sent back by a worker that shuts down, or lost by the broker.

A run that got a new task id is not claimed by its old task, so an old task that turns up after all does no harm.
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from runs import clock
from runs.lifecycle import dispatch
from runs.lifecycle.start import start
from runs.models import Run
from runs.states import Status


def give_back(run_id: UUID, task_id: UUID) -> None:
    """Record that this task will not claim the run. It gets no new task yet: the same worker might take that, too."""
    Run.objects.filter(pk=run_id, task_id=task_id, status=Status.QUEUED).update(dispatched_at=None)


def redispatch() -> int:
    """Give a new task to runs that were given back or whose task is lost. Returns how many.

    A task counts as lost when it is overdue and the queue holds fewer tasks than runs wait for a worker. So with all
    workers busy, or none up, the queue does not grow, however long that lasts.
    """
    dispatched = Run.objects.dispatched()
    overdue_since = clock.now() - timedelta(seconds=settings.REDISPATCH_SECONDS)
    overdue = dispatched.filter(dispatched_at__lt=overdue_since)
    given_back = dispatched.filter(dispatched_at=None)
    if overdue.exists() and _is_short_of_tasks(dispatched.count()):
        return _start(dispatched.filter(Q(dispatched_at__lt=overdue_since) | Q(dispatched_at=None)))
    return _start(given_back)


def _is_short_of_tasks(waiting: int) -> bool:
    try:
        return dispatch.backlog() < waiting
    except dispatch.BrokerDown:
        return False  # unknown, and a new task could not be sent either


def _start(runs: QuerySet[Run]) -> int:
    run_ids = list(runs.order_by("queued_at").values_list("id", flat=True))
    for run_id in run_ids:
        with transaction.atomic():
            start(run_id)
    return len(run_ids)
