"""Runs whose task no worker will carry: sent back by a worker on its way out, or lost with the broker's memory.

A run that got a new task id is not claimed by the old one, so a task that turns up after all does no harm.
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from runs.lifecycle import dispatch, transitions
from runs.models import Run
from runs.states import Status


def give_back(run_id: UUID, task_id: UUID) -> None:
    """This task will not claim the run. Not started again at once: the same worker might still get it."""
    Run.objects.filter(pk=run_id, task_id=task_id, status=Status.QUEUED).update(dispatched_at=None)


def start_again() -> int:
    """Give strays a new task. Returns how many.

    A task counts as lost when it is overdue and the queue holds fewer tasks than runs wait for a worker. So with all
    workers busy, or none up, the queue does not grow, however long that lasts.
    """
    with_task = Run.objects.dispatched()
    overdue_since = timezone.now() - timedelta(seconds=settings.REDISPATCH_SECONDS)
    overdue = with_task.filter(dispatched_at__lt=overdue_since)
    given_back = with_task.filter(dispatched_at=None)
    if overdue.exists() and _is_short_of_tasks(with_task.count()):
        return _start(with_task.filter(Q(dispatched_at__lt=overdue_since) | Q(dispatched_at=None)))
    return _start(given_back)


def _is_short_of_tasks(waiting: int) -> bool:
    try:
        return dispatch.backlog() < waiting
    except dispatch.BrokerDown:
        return False  # nobody can tell, and a new task could not be sent either


def _start(runs: QuerySet[Run]) -> int:
    strays = list(runs.order_by("queued_at").values_list("id", flat=True))
    for run_id in strays:
        with transaction.atomic():
            transitions.start(run_id)
    return len(strays)
