"""Counters of this process for the metrics: they only grow, and start at zero with the process.

A worker stores its counters in the database with each renewal of its lease (`runs/worker/lease.py`), so that any web
process can export those of all workers, of both pools and on all machines, and no worker needs a port of its own. A
prefork worker's main process has no lease; it ends runs, too (those of children that are gone), and files a report each
time.
"""

import logging
import os
import threading
from bisect import bisect_left
from collections import Counter
from datetime import datetime
from uuid import UUID

from django.dispatch import receiver

from runs.models import Report, Run
from runs.signals import ended

logger = logging.getLogger(__name__)

BOUNDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)  # s, of all histograms


class Times:
    """A histogram of times. `counts` has one more entry than BOUNDS: for times above all of them."""

    def __init__(self) -> None:
        self.counts, self.sum = [0] * (len(BOUNDS) + 1), 0.0

    def add(self, begin: datetime | None, end: datetime | None) -> None:
        if begin and end:
            seconds = max((end - begin).total_seconds(), 0.0)
            self.counts[bisect_left(BOUNDS, seconds)] += 1
            self.sum += seconds


class Tally:
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start at zero, in a process that was forked from one that has counted."""
        self.ended, self.codes = Counter(), Counter()
        self.times = {"queue_wait": Times(), "first_token": Times(), "duration": Times()}

    def add(self, run: Run) -> None:
        self.ended[run.status] += 1
        if run.code:
            self.codes[run.code] += 1
        self.times["queue_wait"].add(run.queued_at, run.started_at)
        self.times["first_token"].add(run.started_at, run.first_token_at)
        self.times["duration"].add(run.started_at, run.finished_at)

    def figures(self) -> dict:
        """As JSON. Safe from another thread: each copy is atomic."""
        times = {name: {"counts": list(times.counts), "sum": times.sum} for name, times in self.times.items()}
        return {"ended": dict(self.ended), "codes": dict(self.codes), "times": times}


tally = Tally()  # of this process
MAIN = "main process "  # prefix of the names of reports
_filing = threading.Lock()  # the report filed last is the one that has counted most


@receiver(ended, dispatch_uid="runs.maintenance.counters")
def count_end(run_id: UUID, **kwargs) -> None:
    times = ("queued_at", "started_at", "first_token_at", "finished_at")
    run = Run.objects.only("status", "code", *times).filter(pk=run_id).first()
    if run is not None:
        tally.add(run)
        logger.info("run %s ended: %s", run_id, run.code or run.status)


def file_report(worker: str) -> None:
    """Store the counters of a worker's main process. The report is exported for as long as the worker lives."""
    with _filing:
        name = f"{MAIN}{os.getpid()} of {worker}"[: Report._meta.pk.max_length]
        Report.file(name, worker=worker, pid=os.getpid(), **tally.figures())
