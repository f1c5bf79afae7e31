"""One level: a number of concurrent runs, measured for a while; medians of several; the search for the highest."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count

from tests.bench.meter import Meter
from tests.bench.orders import Instrument
from tests.bench.source import RATE
from tests.bench.systems import System

LIMIT_P99_SECONDS = 0.250
LIMIT_SHARE = 0.97  # of the tokens that were due
WARM_UP_SECONDS = 2.0  # after the release: every run has begun to write
OWN = ("web", "worker", "valkey", "postgres")
_numbers = count(1)


@dataclass
class Level:
    """The result of one level. Times in seconds; CPU as a share of one core."""

    runs: int
    p50: float = float("inf")
    p99: float = float("inf")
    share: float = 0.0  # of the tokens due that arrived
    wrong: int = 0  # gaps and doubles, and runs that did not complete
    cpu: dict[str, float] = field(default_factory=dict)
    tokens_a_second: float = 0.0
    failure: str = ""

    @property
    def micros_a_token(self) -> float:
        """µs of CPU per token, in all parts of the system together; 0 for a system without parts."""
        return 1e6 * sum(self.cpu[name] for name in OWN) / self.tokens_a_second if self.tokens_a_second else 0.0

    @property
    def holds(self) -> bool:
        return not self.failure and not self.wrong and self.share > LIMIT_SHARE and self.p99 < LIMIT_P99_SECONDS

    def __str__(self) -> str:
        if self.failure:
            return f"broke down: {self.failure}"
        used = ", ".join(f"{name} {100 * share:.0f} %" for name, share in self.cpu.items())
        return (
            f"p50 {1000 * self.p50:.1f} ms, p99 {1000 * self.p99:.1f} ms, {self.micros_a_token:.0f} µs/token, "
            f"{100 * self.share:.0f} % arrived, {self.wrong} wrong ({used})"
        )


@dataclass
class Instruments:
    """What all systems share: the upstream and the load generator."""

    source: Instrument
    crowd: Instrument


def measure(
    instruments: Instruments, system: System, runs: int, seconds: float, warm_up: float = WARM_UP_SECONDS
) -> Level:
    """Measure `runs` concurrent runs. If they break down, the Level has a `failure`."""
    tag = f"level-{next(_numbers)}"
    try:
        _connect(instruments, system, runs, tag)
        instruments.source.tell("release", tag=tag)
        instruments.crowd.tell("rest", seconds=warm_up)
        system.at_full_load()
        level = _window(instruments, system, runs, seconds, tag)
    except (OSError, AssertionError) as error:
        instruments.source.tell("finish", tag=tag)
        instruments.crowd.tell("close")
        level = Level(runs, failure=repr(error)[:200])
    try:
        level.wrong += system.clear(level.holds)
    except AssertionError as error:
        level.failure = level.failure or str(error)[:200]
    return level


def _connect(instruments: Instruments, system: System, runs: int, tag: str) -> None:
    """Start the runs, portion by portion; the readers of one portion connect while the next one is being started."""
    is_opening = False
    try:
        for readings in system.prepare(runs, tag):
            if is_opening:
                is_opening = False
                instruments.crowd.answer()
            instruments.crowd.begin("open", port=readings.port, requests=readings.requests, ready=readings.ready)
            is_opening = True
    finally:
        if is_opening:
            instruments.crowd.answer()
    instruments.source.tell("wait", tag=tag, count=runs)


def _window(instruments: Instruments, system: System, runs: int, seconds: float, tag: str) -> Level:
    meter = Meter({**dict.fromkeys(OWN, ()), **system.processes(), "upstream": [instruments.source.pid]})
    took = instruments.crowd.tell("window", seconds=seconds)
    used = {**meter.seconds(), "load": took["cpu"]}
    used["others"] = max(meter.machine_seconds() - sum(used.values()), 0.0)
    cpu = {name: seconds / took["seconds"] for name, seconds in used.items()}
    instruments.source.tell("finish", tag=tag)
    heard = instruments.crowd.tell("close")
    seen = heard["windows"][0]
    tokens = seen["tokens"] / took["seconds"]
    return Level(runs, seen["p50"], seen["p99"], tokens / (runs * RATE), heard["wrong"], cpu, tokens)


@dataclass
class Series:
    """One system at one level, measured several times."""

    system: str
    runs: int
    levels: list[Level] = field(default_factory=list)

    @property
    def median(self) -> Level:
        """The median of each figure. A breakdown counts as a bad level, so most levels have to hold."""
        sound = [level for level in self.levels if not level.failure]
        if 2 * len(sound) <= len(self.levels):
            return next((level for level in self.levels if level.failure), Level(self.runs, failure="not measured"))
        middle = lambda pick: statistics.median(map(pick, self.levels))  # noqa: E731
        cpu = {name: statistics.median(level.cpu[name] for level in sound) for name in sound[0].cpu}
        return Level(
            self.runs,
            middle(lambda level: level.p50),
            middle(lambda level: level.p99),
            middle(lambda level: level.share),
            sum(level.wrong for level in self.levels),
            cpu,
            statistics.median(level.tokens_a_second for level in sound),
        )

    @property
    def micros(self) -> list[float]:
        """µs of CPU per token, sorted."""
        return sorted(level.micros_a_token for level in self.levels if not level.failure)


def highest(try_level: Callable[[int], Level], known: Level | None, ladder: Iterable[int]) -> Level | None:
    """The highest level that holds: up the `ladder` from the highest `known` to hold, or down to the first that does.

    A rung counts as failed if it fails twice: one window may have had bad luck with its neighbours.
    """
    rungs = sorted(ladder)
    above = [runs for runs in rungs if known is None or runs > known.runs]
    best = known
    for runs in above if known else reversed(rungs):
        level = try_level(runs)
        level = level if level.holds else try_level(runs)
        if level.holds:
            best = level
        if level.holds != bool(known):
            break
    return best
