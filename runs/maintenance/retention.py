"""Retention: compact and prune the logs of runs that ended a while ago, delete streams and workers past their time.

Each function works within a time budget and leaves the rest to the next call. All may be interrupted anywhere, and may
run twice at once: then some work is done twice, to the same effect (`streams.log.compaction`). On SQLite other writers
go first: after each statement that writes there is a pause as long as it took.
"""

import logging
import time
from collections.abc import Iterable
from datetime import timedelta
from random import shuffle
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from runs import clock
from runs.maintenance.counters import MAIN
from runs.models import Report, Run, Worker
from runs.queries.answers import snapshot
from runs.signals import compacting
from runs.states import FINAL, LogKept
from streams.log import compaction, store

logger = logging.getLogger(__name__)

BATCH_RUNS = 200  # runs looked up at once
WALK_STREAMS = 500  # streams looked at by one query of the walk through all of them
DETACH_RUNS = 200  # runs that lose their worker in one statement
ORPHANED_DAYS = 1  # without events until a stream without a run is deleted: its final event fences late writers
FIRST_STREAM = UUID(int=0)


class TimeBudget:
    """Seconds that one call may work. Maintenance and the reaper share few slots, so no task keeps one for long."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._began = time.monotonic()

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._end

    def pause(self) -> None:
        """On SQLite, which has one writer at a time, let others write for as long as this one has just worked."""
        if connection.vendor == "sqlite":
            time.sleep(time.monotonic() - self._began)
        self._began = time.monotonic()


def compact_due(budget: TimeBudget) -> int:
    """Compact the streams of runs that ended COMPACT_SECONDS ago. Returns how many."""
    done = 0
    for run_id in _due(LogKept.WHOLE, timedelta(seconds=settings.COMPACT_SECONDS)):
        if not _may_compact(run_id):
            continue
        try:
            if not _take_steps(compaction.compact(run_id), budget):
                break
        except compaction.TooLarge:
            Run.objects.filter(pk=run_id, log_kept=LogKept.WHOLE).update(log_kept=LogKept.NEEDED)
            continue
        except compaction.NotSealed:  # only `manage.py heal` can repair it; continue with the others
            logger.error("run %s has ended, but its stream has no final event", run_id)
            continue
        Run.objects.filter(pk=run_id, log_kept=LogKept.WHOLE).update(log_kept=LogKept.COMPACTED)
        done += 1
    return done


def _may_compact(run_id: UUID) -> bool:
    """Whether all receivers have kept what they need of the whole log."""
    responses = compacting.send_robust(Run, run_id=run_id)
    return not any(isinstance(response, Exception) for _, response in responses)  # Django has logged them


def prune_due(budget: TimeBudget) -> int:
    """Keep only the final event of streams whose runs ended RETENTION_DAYS ago. Returns how many it checked.

    If the message does not hold all that the log does, the log keeps its snapshot.
    """
    if settings.RETENTION_DAYS <= 0:
        return 0
    done = 0
    for run_id in _due(LogKept.COMPACTED, timedelta(days=settings.RETENTION_DAYS)):
        if budget.is_over:
            break
        kept = _prune(run_id)
        Run.objects.filter(pk=run_id, log_kept=LogKept.COMPACTED).update(log_kept=kept)
        done += 1
        budget.pause()
    return done


def _due(kept: LogKept, age: timedelta) -> list[UUID]:
    """The oldest runs whose log is kept so, shuffled: two processes start with different ones."""
    runs = Run.objects.filter(log_kept=kept, finished_at__lt=clock.now() - age, status__in=FINAL)
    due = list(runs.order_by("finished_at").values_list("id", flat=True)[:BATCH_RUNS])
    shuffle(due)
    return due


def _prune(run_id: UUID) -> LogKept:
    folded = store.fold_stream(run_id)
    logged = {"text": folded.text, "reasoning": folded.reasoning, "tools": folded.tools}
    in_message = snapshot(run_id) or {}
    if any(in_message.get(name) != value for name, value in logged.items()):
        return LogKept.NEEDED
    store.keep_final(run_id)
    return LogKept.PRUNED


def delete_orphans(after: UUID, budget: TimeBudget) -> UUID | None:
    """Delete streams whose run is gone, in the order of their ids. Returns the id to continue after; None: done."""
    while True:
        streams = compaction.streams_after(after, WALK_STREAMS)
        if not streams:
            return None
        before, after = after, streams[-1]
        owned = set(Run.objects.filter(pk__in=streams).values_list("id", flat=True))
        orphans = [stream for stream in streams if stream not in owned]
        for stream in compaction.silent_since(orphans, timezone.now() - timedelta(days=ORPHANED_DAYS)):
            if not _take_steps(compaction.delete_stream(stream), budget):
                return before
        if budget.is_over:
            return after


def delete_workers(budget: TimeBudget) -> int:
    """Delete workers whose lease ended WORKERS_DAYS ago, and clear `worker` of their runs, a few at a time."""
    long_ago = timezone.now() - timedelta(days=settings.WORKERS_DAYS)
    Report.objects.filter(name__startswith=MAIN, at__lt=long_ago).delete()
    ended = Worker.objects.filter(lease_until__lt=long_ago)
    done = 0
    for worker_id in ended.values_list("id", flat=True)[:BATCH_RUNS]:
        while not budget.is_over and (runs := _runs_of(worker_id)):
            Run.objects.filter(pk__in=runs).update(worker=None)
            budget.pause()
        if budget.is_over:
            break
        done += Worker.objects.filter(pk=worker_id).delete()[0]
    return done


def _runs_of(worker_id: UUID) -> list[UUID]:
    runs = Run.objects.filter(worker=worker_id, status__in=FINAL)
    return list(runs.values_list("id", flat=True)[:DETACH_RUNS])


def _take_steps(steps: Iterable[int], budget: TimeBudget) -> bool:
    """Take at least one step, so that even the longest stream is finished in the end. Returns whether all are taken."""
    for _ in steps:
        budget.pause()
        if budget.is_over:
            return False
    return True
