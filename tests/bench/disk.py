"""Disk usage of a finished run, before and after its stream is compacted."""

import statistics
from dataclasses import dataclass

from tests.bench import levels
from tests.bench.rig import TABLES
from tests.bench.systems import ThisSystem

LOG = "streams_event"


@dataclass
class Disk:
    """Bytes per finished run of `runs`, including indexes, after VACUUM FULL."""

    runs: int
    tokens: int  # of one run, the median
    log: float
    compacted_log: float
    rest: float  # the rows of run, messages and session


def measure(instruments: levels.Instruments, system: ThisSystem, runs: int, seconds: float) -> Disk:
    """Let `runs` runs write, and measure what they leave behind."""
    from runs.models import Run
    from streams.log import compaction

    forget, system.forget = system.forget, lambda: None
    try:
        forget()
        empty = sizes()
        level = levels.measure(instruments, system, runs, seconds)
        assert not level.failure, level.failure
        full = sizes()
        tokens = statistics.median(Run.objects.values_list("last_seq", flat=True))
        for run_id in Run.objects.values_list("pk", flat=True):
            for _ in compaction.compact(run_id):
                pass
        compacted = sizes()
    finally:
        system.forget = forget
        forget()
    a_run = lambda after, names: sum(after[name] - empty[name] for name in names) / runs  # noqa: E731
    rest = [name for name in empty if name != LOG]
    return Disk(runs, int(tokens), a_run(full, [LOG]), a_run(compacted, [LOG]), a_run(full, rest))


def sizes() -> dict[str, int]:
    """Bytes of each table with its indexes, after VACUUM FULL."""
    from django.db import connection

    found = {}
    with connection.cursor() as cursor:
        for name in TABLES.split(", "):
            cursor.execute(f"VACUUM FULL {name}")
            cursor.execute("SELECT pg_total_relation_size(%s)", [name])
            found[name] = cursor.fetchone()[0]
    return found
