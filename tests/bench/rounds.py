"""The order in which everything is measured.

Systems that are compared take turns: each round measures every one of them once, so that an hour in which the machine
is slower for everybody does not speak for or against anybody.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.bench import disk, levels, memory, replay, stop_stages
from tests.bench.findings import Findings, Highest
from tests.bench.rig import PREFORK_CHILDREN, Rig
from tests.bench.systems import Direct, Haproxy, InMemory, Naive, System
from tests.bench.targets import CHATAPP, DIRECT, HAPROXY, IN_MEMORY, NAIVE
from tests.harness import parts

CALL, LOOP = f"{NAIVE}, uvicorn", f"{NAIVE}, one event loop, uvicorn"
WEB_SOCKET, DAPHNE, DAPHNE_SOCKET = "chatapp, uvicorn, WebSocket", "chatapp, daphne, SSE", "chatapp, daphne, WebSocket"
LADDER = (250, 500, 750, 1000, 1250, 1500, 2000, 2500)
STEPS = ("memory", "replay", "disk", "prefork", "stops")  # beside the systems
NAIVE_LADDER = (10, 20, 30, 40, 50, 60, 80, 100, 125)
started = time.monotonic()


@dataclass
class Plan:
    """How much is measured: `turns` are (system, runs, number of rounds)."""

    compared: int  # runs
    rounds: int
    seconds: float  # of one window
    turns: list[tuple[str, int, int]]
    searched: dict[str, tuple[int, ...]] = field(default_factory=dict)  # system -> the ladder of its search
    weighed: int = 0  # runs
    has_replay: bool = False
    finished: int = 0  # runs for the disk
    prefork: int = 0  # runs
    stops: int = 0  # for each pool


FULL = Plan(
    compared=1000,
    rounds=5,
    seconds=8,
    turns=[
        (IN_MEMORY, 1000, 5),
        (HAPROXY, 1000, 5),
        (CHATAPP, 250, 5),
        (DIRECT, 500, 5),
        (CHATAPP, 500, 5),
        (LOOP, 40, 5),
        (CHATAPP, 1000, 4),  # and once before, while it was weighed
        (CALL, 10, 1),
        (CHATAPP, 1500, 1),
        (IN_MEMORY, 250, 1),
        (IN_MEMORY, 500, 1),
        (HAPROXY, 250, 1),
        (WEB_SOCKET, 500, 1),
        (WEB_SOCKET, 1000, 1),
        (DAPHNE, 500, 1),
        (DAPHNE_SOCKET, 500, 1),
    ],
    searched={CHATAPP: LADDER, IN_MEMORY: LADDER, LOOP: NAIVE_LADDER},
    weighed=1000,
    has_replay=True,
    finished=200,
    prefork=int(PREFORK_CHILDREN),
    stops=200,
)
QUICK = Plan(
    compared=250,
    rounds=1,
    seconds=4,
    turns=[(LOOP, 30, 1), (CHATAPP, 250, 1), (IN_MEMORY, 250, 1), (HAPROXY, 250, 1)],
)


def say(line: str) -> None:
    print(f"[{time.monotonic() - started:5.0f} s] {line}", file=sys.stderr, flush=True)


class Bench:
    """One benchmark. `only`: the systems with this in their name, or one of STEPS."""

    def __init__(self, rig: Rig, plan: Plan, only: str):
        self.rig, self.plan, self.only = rig, plan, only
        self.found = Findings(plan.compared)
        self.systems: dict[str, System] = {}

    def run(self) -> None:
        """Measure everything; `found` has the results so far."""
        with self._worker("gevent"):
            self._weigh()
            self._take_turns()
            self._search_all()
            self._replay()
            self._weigh_what_is_left()
            self._stop_all()
        self._measure_stops("gevent")
        self._measure_prefork()
        self._measure_stops("prefork")

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        """One figure or table. If it fails it is left out, and the rest continues."""
        try:
            yield
        except Exception as error:
            say(f"{name}: not measured: {error!r}")

    @contextmanager
    def _worker(self, pool: str) -> Iterator[None]:
        self.worker = self.rig.make_worker(pool).start()
        parts.wait_for_worker(self.worker)
        try:
            yield
        finally:
            self.worker.kill()

    def _wants(self, name: str) -> bool:
        return name == self.only if self.only in STEPS else self.only in name

    # -- the systems ------------------------------------------------------------------------------

    def _system(self, name: str) -> System:
        """The system of this name, started on first use."""
        if name not in self.systems:
            say(f"{name}: starting")
            system = self._make(name)
            assert system.name == name, (system.name, name)
            system.start()
            self.systems[name] = system
        return self.systems[name]

    def _make(self, name: str) -> System:
        rig = self.rig
        match name.split(", "):
            case ["chatapp", server, protocol]:
                return rig.make_system(server, protocol, self.worker)
            case _ if name.startswith(NAIVE):
                return Naive("uvicorn", name == LOOP, rig)
            case _:
                if name == DIRECT:
                    return Direct(rig.source_port)
                made = {IN_MEMORY: InMemory, HAPROXY: Haproxy}[name]
                return made(rig.source_port, rig.directory, rig.env)

    def _stop_all(self) -> None:
        for system in self.systems.values():
            system.stop()
        self.systems.clear()

    # -- levels -----------------------------------------------------------------------------------

    def _level(self, system: System, runs: int) -> levels.Level:
        level = levels.measure(self.rig.instruments, system, runs, self.plan.seconds)
        say(f"{system.name}: {runs:,} runs: {level}")
        return level

    def _take_turns(self) -> None:
        for number in range(self.plan.rounds):
            for name, runs, rounds in self.plan.turns:
                if number < rounds and self._wants(name):
                    with self._step(name):
                        self.found.add(name, self._level(self._system(name), runs))
            say(f"round {number + 1} of {self.plan.rounds} is over")

    def _search_all(self) -> None:
        for name, ladder in self.plan.searched.items():
            if self._wants(name):
                with self._step(f"the most runs of {name}"):
                    self._search(self._system(name), ladder)

    def _search(self, system: System, ladder: tuple[int, ...]) -> None:
        """Search up from the highest level that held in the rounds, or down."""
        failed: list[levels.Level] = []

        def try_level(runs: int) -> levels.Level:
            level = self._level(system, runs)
            if not level.holds:
                failed.append(level)
            return level

        medians = [series.median for series in self.found.series if series.system == system.name]
        known = max((level for level in medians if level.holds), key=lambda level: level.runs, default=None)
        best = levels.highest(try_level, known, ladder)
        above = [level for level in failed if best is None or level.runs > best.runs]
        lowest = min(above, key=lambda level: level.runs, default=None)
        limit = f"at {lowest.runs:,}: {_flaw(lowest)}" if lowest else f"not searched beyond {max(ladder):,}"
        self.found.highest.append(Highest(system.name, best, limit))

    def _measure_prefork(self) -> None:
        if self.plan.prefork and self._wants("prefork"):
            with self._step("prefork"), self._worker("prefork"):
                system = self.rig.make_system("uvicorn", "SSE", self.worker, name="prefork-")
                system.name += ", prefork"
                system.start()
                self.found.add(system.name, self._level(system, self.plan.prefork))
                system.stop()

    # -- the rest ---------------------------------------------------------------------------------

    def _weigh(self) -> None:
        """Runs first, while worker and web process are new."""
        if self.plan.weighed and self._wants("memory"):
            with self._step("memory"):
                say("memory: weighing")
                system = self._system(CHATAPP)
                weighed = memory.measure(self.rig.instruments, system, self.plan.weighed, self.plan.seconds)
                self.found.memory, level = weighed
                self.found.add(system.name, level)
                say(f"{self.found.memory}; {level}")

    def _replay(self) -> None:
        if self.plan.has_replay and self._wants("replay"):
            with self._step("replay"):
                say("replay: reading")
                self.found.replay = replay.measure(self.rig.instruments, self._system(CHATAPP))
                self.rig.forget()
                say(str(self.found.replay))

    def _weigh_what_is_left(self) -> None:
        if self.plan.finished and self._wants("disk"):
            with self._step("disk"):
                say("disk: weighing")
                system, seconds = self._system(CHATAPP), self.plan.seconds
                self.found.disk = disk.measure(self.rig.instruments, system, self.plan.finished, seconds)
                say(str(self.found.disk))

    def _measure_stops(self, pool: str) -> None:
        if self.plan.stops and self._wants("stops"):
            web, url = parts.make_web("uvicorn", self.rig.directory, self.rig.env, name=f"web-stops-{pool}")
            with self._step(f"stops on {pool}"):
                say(f"stops on {pool}: {self.plan.stops} of them")
                web.start()
                parts.wait_for_web(web, url)
                self.found.stops[pool] = stop_stages.measure(self.rig, pool, url, self.plan.stops)
            web.kill()


def _flaw(level: levels.Level) -> str:
    if level.failure:
        return "broke down"
    late = f"p99 {1000 * level.p99:,.0f} ms"
    return late if level.share > levels.LIMIT_SHARE else f"{late}, {100 * level.share:.0f} % of the tokens in time"
