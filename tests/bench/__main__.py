"""Run the benchmark and print (and, unless it is a quick one, write down) its figures."""

import argparse
import os
import shlex
import sys
import time
from dataclasses import dataclass

from tests.bench import levels, report, stops
from tests.bench.rig import Rig, open_rig
from tests.bench.systems import Direct, Naive, ThisSystem
from tests.harness import parts


@dataclass
class Plan:
    """How much is measured; `quick` is a look, not a measurement."""

    small: int  # runs that even the plain way can carry
    large: int  # runs for the others
    windows: int
    seconds: float  # of one window
    stops: int
    bisections: int
    ceiling: int  # runs: no search goes beyond


FULL = Plan(small=10, large=500, windows=3, seconds=4, stops=50, bisections=1, ceiling=4000)
QUICK = Plan(small=5, large=200, windows=1, seconds=3, stops=10, bisections=0, ceiling=0)
started = time.monotonic()


def say(line: str) -> None:
    print(f"[{time.monotonic() - started:5.0f} s] {line}", file=sys.stderr, flush=True)


class Bench:
    def __init__(self, rig: Rig, plan: Plan, only: str):
        self.rig, self.plan, self.only = rig, plan, only
        self.fixed: list[tuple[str, levels.Level]] = []
        self.highest: list[tuple[str, levels.Level | None, str]] = []
        self.stops: list[stops.Stops] = []

    def run(self) -> None:
        worker = stops.make_worker(self.rig, "gevent").start()
        parts.wait_for_worker(worker)
        plan = self.plan
        self.system(Direct(self.rig), [plan.small, plan.large], start=2 * plan.large)
        for server in ("uvicorn", "daphne"):
            self.system(ThisSystem(self.rig, server, worker), [plan.small, plan.large], start=plan.large)
        self.measure_stops("gevent", worker)
        worker.kill()
        for shared_loop in (True, False):
            self.system(Naive(self.rig, shared_loop), [plan.small], start=2 * plan.small)
        prefork = stops.make_worker(self.rig, "prefork").start()
        parts.wait_for_worker(prefork)
        self.measure_stops("prefork", prefork)
        prefork.kill()

    def system(self, system, fixed: list[int], start: int) -> None:
        if self.only not in system.name:
            return
        say(f"{system.name}: starting")
        system.start()
        try:
            for runs in fixed:
                self.fixed.append((system.name, self.level(system, runs, self.plan.windows)))
            if self.plan.ceiling:
                self.search(system, start)
        finally:
            system.stop()

    def search(self, system, start: int) -> None:
        failed = []

        def try_level(runs: int) -> levels.Level:
            level = self.level(system, runs, windows=1)
            if not level.holds:
                failed.append(level)
            return level

        found = levels.highest(try_level, start, self.plan.ceiling, self.plan.bisections)
        if found is None or not failed:
            limit = f"not searched beyond {self.plan.ceiling:,}" if found else "nothing held"
        else:
            lowest = min(failed, key=lambda level: level.runs)
            limit = f"at {lowest.runs:,}: {_flaw(lowest)}"
        self.highest.append((system.name, found, limit))

    def level(self, system, runs: int, windows: int) -> levels.Level:
        level = levels.measure(self.rig, system, runs, windows, self.plan.seconds)
        say(f"{system.name}: {runs} runs: {level.failure or _summary(level)}")
        return level

    def measure_stops(self, pool: str, worker) -> None:
        if self.only and self.only != "stops":
            return
        found = stops.measure_stops(self.rig, pool, worker, self.plan.stops)
        times = f"median {1000 * found.median:.1f} ms, worst {1000 * found.worst:.1f} ms"
        say(f"stop on {pool}: {times}, {found.not_started} not started")
        self.stops.append(found)


def _summary(level: levels.Level) -> str:
    parts_used = ", ".join(f"{name} {100 * used:.0f} %" for name, used in level.cpu.items())
    return (
        f"p50 {1000 * level.p50:.1f} ms, p99 {1000 * level.p99:.1f} ms, {level.micros_a_token:.0f} µs/token, "
        f"{100 * level.share:.0f} % arrived, {level.wrong} wrong ({parts_used})"
    )


def _flaw(level: levels.Level) -> str:
    if level.failure:
        return "broke down"
    late = f"p99 {1000 * level.p99:.0f} ms"
    return late if level.share > 0.97 else f"{late}, {100 * level.share:.0f} % of the tokens in time"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a look in about a minute; nothing is written down")
    parser.add_argument("--only", default="", help="only systems with this in their name, or `stops`")
    options = parser.parse_args()
    if not parts.postgres_program("initdb"):
        sys.exit("The benchmark needs PostgreSQL's programs (Debian: apt-get install postgresql).")
    load_before = os.getloadavg()[0]
    with open_rig() as rig:
        bench = Bench(rig, QUICK if options.quick else FULL, options.only)
        bench.run()
    command = f"make bench{' ' if sys.argv[1:] else ''}{shlex.join(sys.argv[1:])}"
    sections = [
        report.circumstances(command, load_before),
        "**The same load for all.** Latency is from the upstream's write to the reader, CPU in % of one core.",
        report.levels_table(bench.fixed),
        "**The most runs** at 20 tokens/s each.",
        report.highest_table(bench.highest),
        "**Stop**, from the call until a silent upstream has seen its socket close.",
        report.stops_table(bench.stops),
    ]
    figures = "\n\n".join(sections)
    print(figures)
    if not options.quick and not options.only:
        report.write_page(figures)
        say(f"written to {report.PAGE}")


if __name__ == "__main__":
    main()
