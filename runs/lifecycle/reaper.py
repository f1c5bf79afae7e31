"""Leases, and the recovery of runs that are stuck because their worker died or none came.

Called by beat's tasks, by the workers themselves, and by readers who look at such a run.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from runs import clock
from runs.errors import QueueTimeLimit
from runs.lifecycle import redispatch, transitions
from runs.lifecycle.start import start_next
from runs.models import Run
from runs.states import LostReason, Status


class Recovered(NamedTuple):
    """The numbers of recovered runs."""

    reaped: int  # their worker was gone
    failed: int  # no worker took them in time
    started: int  # queues that a crash left waiting, and runs that got a new task


def lease_end() -> datetime:
    """The end of a lease that is renewed now."""
    return clock.now() + timedelta(seconds=settings.LEASE_SECONDS)


def recover() -> Recovered:
    """Recover every stuck run: the one sequence for beat, `manage.py reap_runs` and `heal`."""
    return Recovered(reap(), fail_unclaimed(), start_stalled_queues() + redispatch.redispatch())


def reap(among: Iterable[UUID] | None = None) -> int:
    """RUNNING -> LOST (or STOPPED, where that was requested) for every run whose worker's lease has run out.

    `among` limits it to these runs: a reader of a run ends it, should no worker be left to reap.
    """
    expired = Q(worker__isnull=True) | Q(worker__lease_until__lt=clock.now())
    runs = Run.objects.filter(expired, status=Status.RUNNING)
    if among is not None:
        runs = runs.filter(pk__in=list(among))
    ends = list(runs.values_list("id", "stop_requested_at"))
    return sum(
        transitions.stop(run_id) if stop_requested_at else transitions.lose(run_id, LostReason.LEASE)
        for run_id, stop_requested_at in ends
    )


def start_stalled_queues() -> int:
    """Start queues with nothing under way, as a crash between a commit and its on-commit leaves them."""
    busy = Run.objects.under_way().values("session")
    waiting = Run.objects.released().exclude(session__in=busy)
    sessions = set(waiting.values_list("session_id", flat=True))
    for session_id in sessions:
        start_next(session_id)
    return len(sessions)


def fail_unclaimed() -> int:
    """QUEUED -> FAILED for runs that no worker took within RUN_QUEUED_SECONDS (B9)."""
    too_old = clock.now() - timedelta(seconds=settings.RUN_QUEUED_SECONDS)
    runs = Run.objects.dispatched().filter(dispatched_at__lt=too_old)
    return sum(transitions.fail(run_id, QueueTimeLimit()) for run_id in list(runs.values_list("id", flat=True)))
