"""The results of one benchmark."""

from dataclasses import dataclass, field

from tests.bench.disk import Disk
from tests.bench.levels import Level, Series
from tests.bench.memory import Memory
from tests.bench.replay import Replay


@dataclass
class Highest:
    """The highest level of a system that held (None: none did), and why the next one failed."""

    system: str
    level: Level | None
    limit: str


@dataclass
class Findings:
    compared: int  # runs at which the systems are compared
    series: list[Series] = field(default_factory=list)
    highest: list[Highest] = field(default_factory=list)
    memory: Memory | None = None
    replay: Replay | None = None
    disk: Disk | None = None
    stops: dict[str, list[list[float]]] = field(default_factory=dict)  # pool -> s to each stage, for each Stop

    def add(self, system: str, level: Level) -> None:
        series = next((s for s in self.series if (s.system, s.runs) == (system, level.runs)), None)
        if series is None:
            series = Series(system, level.runs)
            self.series.append(series)
        series.levels.append(level)

    def at(self, system: str, runs: int) -> Level | None:
        """The medians of a system at a level; None if it was not measured or broke down."""
        found = next((s.median for s in self.series if (s.system, s.runs) == (system, runs)), None)
        return found if found and not found.failure else None

    def most_runs(self, system: str) -> int | None:
        """The most runs of the systems whose names begin with `name`; None if not searched."""
        found = [entry for entry in self.highest if entry.system.startswith(system)]
        return max((entry.level.runs if entry.level else 0 for entry in found), default=None)
