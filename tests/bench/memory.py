"""Memory of a run in the worker, and of a follower in the web process: the difference between none and many."""

from dataclasses import dataclass

import psutil

from tests.bench import levels
from tests.bench.systems import ThisSystem

WARM_UP_RUNS = 30  # that have filled caches and pools before anything is weighed


@dataclass
class Memory:
    """Bytes per run, for `runs` writing runs with one follower each."""

    runs: int
    worker: float
    web: float


def measure(
    instruments: levels.Instruments, system: ThisSystem, runs: int, seconds: float
) -> tuple[Memory, levels.Level]:
    """Measure the worker and the web process of `system`, which must be newly started. Returns the level as well."""
    levels.measure(instruments, system, WARM_UP_RUNS, seconds=1)
    before, loaded = weigh(system), []
    system.at_full_load = lambda: loaded.append(weigh(system))
    try:
        level = levels.measure(instruments, system, runs, seconds)
    finally:
        del system.at_full_load
    assert loaded, level.failure
    worker, web = ((loaded[0][name] - before[name]) / runs for name in ("worker", "web"))
    return Memory(runs, worker, web), level


def weigh(system: ThisSystem) -> dict[str, int]:
    """Proportional set size (bytes) of each part, with its children."""
    return {name: sum(map(_bytes, pids)) for name, pids in system.processes().items() if name in ("worker", "web")}


def _bytes(pid: int) -> int:
    root = psutil.Process(pid)
    return sum(process.memory_full_info().pss for process in (root, *root.children(recursive=True)))
