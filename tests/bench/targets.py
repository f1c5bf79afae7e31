"""The targets: each with its limit, the measured value, and whether it is met."""

import operator
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.findings import Findings
from tests.bench.stop_stages import STAGES

CHATAPP = "chatapp, uvicorn, SSE"
NAIVE = "a row and a group_send per chunk"
IN_MEMORY = "in-memory manager on uvicorn"
HAPROXY = "haproxy, a relay in C"
DIRECT = "upstream, read directly"
PACED = 500  # runs at which the added latency is judged
COMPARE = {"≤": operator.le, "≥": operator.ge}


@dataclass
class Target:
    against: str
    what: str
    sign: str  # of COMPARE
    limit: float
    unit: str
    measured: float | None = None  # None: not measured

    @property
    def is_met(self) -> bool | None:
        return None if self.measured is None else COMPARE[self.sign](self.measured, self.limit)

    @property
    def verdict(self) -> str:
        return {None: "not measured", True: "met", False: "**not met**"}[self.is_met]


def judge(found: Findings) -> list[Target]:
    """All targets, with the measured values."""
    ms, kb, runs = " ms", " KB", found.compared
    added = _maybe(lambda: _difference(found, "p50")), _maybe(lambda: _difference(found, "p99"))
    replay, memory = found.replay, found.memory
    return [
        *ratios(found),
        Target(NAIVE, "most runs: ours divided by its", "≥", 25, " ×", _maybe(lambda: _most(found, NAIVE))),
        Target(IN_MEMORY, "most runs: ours divided by its", "≥", 1, " ×", _maybe(lambda: _most(found, IN_MEMORY))),
        Target(DIRECT, f"added latency at {PACED} runs, p50", "≤", 10, ms, added[0]),
        Target(DIRECT, f"added latency at {PACED} runs, p99", "≤", 50, ms, added[1]),
        Target(DIRECT, "p99 at 1,000 runs", "≤", 100, ms, _maybe(lambda: 1000 * found.at(CHATAPP, 1000).p99)),
        Target(DIRECT, "p99 at 1,500 runs", "≤", 250, ms, _maybe(lambda: 1000 * found.at(CHATAPP, 1500).p99)),
        Target("memory", "per run, in the worker", "≤", 60, kb, _maybe(lambda: memory.worker / 1024)),
        Target("memory", "per follower, in the web process", "≤", 30, kb, _maybe(lambda: memory.web / 1024)),
        Target("replay", "100,000 events: the first 1,000", "≤", 10, ms, _maybe(lambda: 1000 * replay.first_page)),
        Target("replay", "100,000 events: all", "≤", 300, ms, _maybe(lambda: 1000 * replay.all)),
        Target(
            "replay", "opening the session: reads of the log", "≤", 1, "", _maybe(lambda: replay.opening_log_queries)
        ),
        Target(
            "growth",
            f"CPU per token at {runs:,} runs, divided by that at 250",
            "≤",
            1,
            " ×",
            _maybe(lambda: _growth(found)),
        ),
        *[_stop_target(found, pool) for pool in ("gevent", "prefork")],
    ]


def ratios(found: Findings) -> list[Target]:
    """The three main ratios: CPU per token, compared with the three other systems."""
    runs = found.compared
    at = f"at {runs:,} runs"
    return [
        Target(NAIVE, f"CPU per token: its best, divided by ours {at}", "≥", 25, " ×", _maybe(lambda: _naive(found))),
        Target(
            IN_MEMORY,
            f"CPU per token: ours divided by its, {at}",
            "≤",
            1.2,
            " ×",
            _maybe(lambda: _cost(found, IN_MEMORY)),
        ),
        Target(
            HAPROXY, f"CPU per token: ours divided by its, {at}", "≤", 4.5, " ×", _maybe(lambda: _cost(found, HAPROXY))
        ),
    ]


def _maybe(measured: Callable[[], float]) -> float | None:
    """None if a part of the figure was not measured or broke down."""
    try:
        return measured()
    except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def _naive(found: Findings) -> float:
    """Compared with the straightforward way at its best: its cheapest level that held or, failing that, survived."""
    series = [s.median for s in found.series if s.system.startswith(NAIVE)]
    series += [entry.level for entry in found.highest if entry.system.startswith(NAIVE) and entry.level]
    costs = [level.micros_a_token for level in series if level.holds]
    cheapest = min(costs or [level.micros_a_token for level in series if not level.failure])
    return cheapest / found.at(CHATAPP, found.compared).micros_a_token


def _cost(found: Findings, other: str) -> float:
    ours, theirs = found.at(CHATAPP, found.compared), found.at(other, found.compared)
    return ours.micros_a_token / theirs.micros_a_token


def _most(found: Findings, other: str) -> float:
    return found.most_runs(CHATAPP) / found.most_runs(other)


def _difference(found: Findings, name: str) -> float:
    return 1000 * (getattr(found.at(CHATAPP, PACED), name) - getattr(found.at(DIRECT, PACED), name))


def _growth(found: Findings) -> float:
    return found.at(CHATAPP, found.compared).micros_a_token / found.at(CHATAPP, 250).micros_a_token


def _stop_target(found: Findings, pool: str) -> Target:
    worst = _maybe(lambda: 1000 * max(row[STAGES.index("upstream closed")] for row in found.stops[pool]))
    return Target("Stop", f"{pool}: time to close the upstream, worst", "≤", 2000, " ms", worst)
