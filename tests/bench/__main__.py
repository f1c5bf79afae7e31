"""Run the benchmark, print its figures and, after a complete run, write them into docs/benchmarks.md."""

import argparse
import os
import shlex
import sys
import time

from tests.bench import report
from tests.bench.rig import open_rig
from tests.bench.rounds import FULL, QUICK, STEPS, Bench, say, started
from tests.bench.systems import Haproxy
from tests.bench.targets import ratios
from tests.harness import parts


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the three main ratios, in less than a minute")
    parser.add_argument("--only", default="", help=f"the systems with this in their name, or one of {', '.join(STEPS)}")
    options = parser.parse_args()
    check_programs()
    load_before = os.getloadavg()[0]
    with open_rig() as rig:
        bench = Bench(rig, QUICK if options.quick else FULL, options.only)
        is_complete = _run(bench) and not options.only
    found = bench.found
    if options.quick:
        print(report.levels_table(found.series), report.targets_table(ratios(found)), sep="\n\n")
        return
    command = f"make bench{' ' if sys.argv[1:] else ''}{shlex.join(sys.argv[1:])}"
    figures = report.figures(found, command, load_before, time.monotonic() - started)
    print(figures)
    if is_complete:
        report.write_page(figures)
        say(f"written to {report.PAGE}")


def _run(bench: Bench) -> bool:
    """Whether it ran to its end. After Ctrl-C the results so far are still printed."""
    try:
        bench.run()
    except KeyboardInterrupt:
        say("interrupted")
        return False
    return True


def check_programs() -> None:
    """Report missing programs before anything is started."""
    missing = [
        f"{what} (Debian: apt-get install {package})"
        for what, package, found in (
            ("PostgreSQL's programs", "postgresql", parts.postgres_program("initdb")),
            ("haproxy", "haproxy", Haproxy.program()),
        )
        if not found
    ]
    if missing:
        sys.exit(f"The benchmark needs {' and '.join(missing)}.")


if __name__ == "__main__":
    main()
