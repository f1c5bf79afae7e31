"""What becomes of runs that ended a while ago: their logs are reduced, and what nobody owns any more is deleted.

Each of these works for a bounded time and leaves the rest to the next call. All may be interrupted anywhere, and may
run twice at once: then some work is done twice, to the same effect (`streams.log.compaction`). SQLite's writers go
first: after each statement that writes there is a pause as long as it took.
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
ORPHANED_DAYS = 1  # of silence until a stream without a run is deleted: its final event fences late writers till then
NOWHERE = UUID(int=0)


class Slice:
    """A share of time, s. Upkeep and the reaper share few slots, so nobody keeps one for long."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._began = time.monotonic()

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._end

    def pause(self) -> None:
        """On SQLite, which has one writer at a time: let others write for as long as this one has just worked."""
        if connection.vendor == "sqlite":
            time.sleep(time.monotonic() - self._began)
        self._began = time.monotonic()


def compact_due(time_slice: Slice) -> int:
    """Compact the streams of runs that ended COMPACT_SECONDS ago. Returns how many."""
    done = 0
    for run_id in _due(LogKept.WHOLE, timedelta(seconds=settings.COMPACT_SECONDS)):
        if not _may_compact(run_id):
            continue
        try:
            if not _take_steps(compaction.compact(run_id), time_slice):
                break
        except compaction.TooLarge:
            Run.objects.filter(pk=run_id, log_kept=LogKept.WHOLE).update(log_kept=LogKept.NEEDED)
            continue
        except compaction.NotSealed:  # others need not wait for what nobody but `manage.py heal` can mend
            logger.error("run %s has ended, but its stream has no end", run_id)
            continue
        Run.objects.filter(pk=run_id, log_kept=LogKept.WHOLE).update(log_kept=LogKept.COMPACTED)
        done += 1
    return done


def _may_compact(run_id: UUID) -> bool:
    """Whether all who need something of the whole log have taken it."""
    answers = compacting.send_robust(Run, run_id=run_id)
    return not any(isinstance(answer, Exception) for _, answer in answers)  # Django has logged them


def prune_due(time_slice: Slice) -> int:
    """Keep only the final event of streams whose runs ended RETENTION_DAYS ago. Returns how many it looked at.

    First the message is asked for all that the log holds. If it holds less, the log keeps its snapshot.
    """
    if settings.RETENTION_DAYS <= 0:
        return 0
    done = 0
    for run_id in _due(LogKept.COMPACTED, timedelta(days=settings.RETENTION_DAYS)):
        if time_slice.is_over:
            break
        kept = _prune(run_id)
        Run.objects.filter(pk=run_id, log_kept=LogKept.COMPACTED).update(log_kept=kept)
        done += 1
        time_slice.pause()
    return done


def _due(kept: LogKept, age: timedelta) -> list[UUID]:
    """Some runs of which so much is kept, the oldest; in any order, so that two processes begin with others."""
    runs = Run.objects.filter(log_kept=kept, finished_at__lt=timezone.now() - age, status__in=FINAL)
    due = list(runs.order_by("finished_at").values_list("id", flat=True)[:BATCH_RUNS])
    shuffle(due)
    return due


def _prune(run_id: UUID) -> LogKept:
    folded = store.fold_stream(run_id)
    said = {"text": folded.text, "reasoning": folded.reasoning, "tools": folded.tools}
    remembered = snapshot(run_id) or {}
    if any(remembered.get(name) != value for name, value in said.items()):
        return LogKept.NEEDED
    store.keep_final(run_id)
    return LogKept.PRUNED


def forget_orphans(after: UUID, time_slice: Slice) -> UUID | None:
    """Delete streams that have no run any more, in the order of their ids. Returns where to go on; None: it is done."""
    while True:
        streams = compaction.streams_after(after, WALK_STREAMS)
        if not streams:
            return None
        before, after = after, streams[-1]
        owned = set(Run.objects.filter(pk__in=streams).values_list("id", flat=True))
        orphans = [stream for stream in streams if stream not in owned]
        for stream in compaction.silent_since(orphans, timezone.now() - timedelta(days=ORPHANED_DAYS)):
            if not _take_steps(compaction.delete_stream(stream), time_slice):
                return before
        if time_slice.is_over:
            return after


def forget_workers(time_slice: Slice) -> int:
    """Delete workers whose lease ended WORKERS_DAYS ago; their runs, a few at a time, forget who wrote them."""
    long_ago = timezone.now() - timedelta(days=settings.WORKERS_DAYS)
    Report.objects.filter(name__startswith=MAIN, at__lt=long_ago).delete()
    ended = Worker.objects.filter(lease_until__lt=long_ago)
    done = 0
    for worker_id in ended.values_list("id", flat=True)[:BATCH_RUNS]:
        while not time_slice.is_over and (runs := _runs_of(worker_id)):
            Run.objects.filter(pk__in=runs).update(worker=None)
            time_slice.pause()
        if time_slice.is_over:
            break
        done += Worker.objects.filter(pk=worker_id).delete()[0]
    return done


def _runs_of(worker_id: UUID) -> list[UUID]:
    runs = Run.objects.filter(worker=worker_id, status__in=FINAL)
    return list(runs.values_list("id", flat=True)[:DETACH_RUNS])


def _take_steps(steps: Iterable[int], time_slice: Slice) -> bool:
    """Take at least one step, so that even the longest stream comes to its end. Returns whether all are taken."""
    for _ in steps:
        time_slice.pause()
        if time_slice.is_over:
            return False
    return True
