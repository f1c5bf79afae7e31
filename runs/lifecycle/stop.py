"""Stop runs. A stop request is a field, not a state: who requested it, when and why is recorded once.

The move to STOPPED follows at once for a run that waits. A run that is being written is interrupted; its task, Celery's
signal handlers or the reaper make the move. A lost interruption does no harm: the worker finds the request when it
renews its lease, and when it claims the run.
"""

from functools import partial

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from runs import clock
from runs.lifecycle import dispatch, transitions
from runs.models import Run
from runs.states import ACTIVE, Status, StopReason


def request_stop(run: Run, by: AbstractBaseUser | None, reason: StopReason = StopReason.USER) -> str:
    """Record the request and act on it. Returns how the run stands now (B38).

    "stopped": it was waiting, or its worker was quick. "stopping": its worker is being interrupted. "already_final": no
    Stop was needed any more.
    """
    is_first = record_stop_request(run, by, reason)
    state = apply_stop_request(run)
    return "stopped" if is_first and run.status == Status.STOPPED else state


def record_stop_request(run: Run, by: AbstractBaseUser | None, reason: StopReason) -> bool:
    """Record the request, unless there is one. Returns whether this call did; may be part of a transaction."""
    unasked = Run.objects.filter(pk=run.pk, status__in=ACTIVE, stop_requested_at=None)
    return bool(unasked.update(stop_requested_at=clock.now(), stop_requested_by=by, stop_reason=reason))


def apply_stop_request(run: Run) -> str:
    """Act on a recorded request: end the run if it waits, interrupt it if it runs. Call it outside of transactions."""
    run.refresh_from_db()
    if run.status == Status.QUEUED and transitions.stop(run.id):
        return "stopped"
    run.refresh_from_db()
    if run.is_final:
        return "already_final"
    interrupt_on_commit(run)
    return "stopping"


def interrupt_on_commit(run: Run) -> None:
    """Interrupt the run's task, wherever it runs. A task that has ended meanwhile is not affected."""
    if run.task_id:
        transaction.on_commit(partial(dispatch.revoke, run.task_id))
