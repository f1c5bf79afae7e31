"""Runs a lane on several databases at once: `python -m tests.harness.run_lanes push postgres sqlite [-- option …]`.

Each database has a pytest of its own with a few processes. Together they keep the machine busy although many tests
wait. The first one's output is shown as it comes, that of the others when they have ended. Options go to all.
"""

import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

from tests.harness import zygote
from tests.harness.lanes import BROWSER_DATABASE, BROWSER_TESTS
from tests.harness.plugin import FLOOR
from tests.harness.processes import ROOT, temporary_directory

PROCESSES = {"sqlite": 3, "postgres": 3}  # which share its tests; six keep two cores busy, as many tests wait
CACHES = ".pytest_cache"  # one for each database, made by the first run in a clone
NOTHING_COLLECTED = 5  # pytest's exit status, also where `--last-failed` has nothing to run


def command(lane: str, database: str, options: list[str]) -> list[str]:
    argv = [sys.executable, "-m", "pytest", "-n", str(PROCESSES[database])]
    argv += ["--dist", "loadscope", "--no-loadscope-reorder", "--durations=15"]
    argv += [f"--lane={lane}", f"--database={database}"]
    if database != BROWSER_DATABASE:
        argv += [f"--ignore={BROWSER_TESTS}"]  # nothing of it would be tried, and its libraries take long to load
    return [*argv, "-o", f"cache_dir={CACHES}/{database}", *options]


def run(lane: str, databases: list[str], options: list[str]) -> int:
    """Returns the highest exit status."""
    start = time.monotonic()
    floor = temporary_directory("floor")  # one for all: a test that is `alone` is so on the whole machine
    env = os.environ | {FLOOR: str(floor)}
    statuses = []
    if not (ROOT / CACHES).exists():
        _compile(lane)
    with ExitStack() as stack:
        runs = [stack.enter_context(_running(command(lane, databases[0], options), env, None))]
        outputs = [stack.enter_context(tempfile.TemporaryFile()) for _ in databases[1:]]
        for database, output in zip(databases[1:], outputs, strict=True):
            runs.append(stack.enter_context(_running(command(lane, database, options), env, output)))
        statuses.append(_wait(runs[0]))
        for database, pytest, output in zip(databases[1:], runs[1:], outputs, strict=True):
            print(f"\nThe tests on {database}, which ran at the same time:", flush=True)
            statuses.append(_wait(pytest))
            output.seek(0)
            sys.stdout.buffer.write(output.read())
            sys.stdout.flush()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, cores = time.monotonic() - start, len(os.sched_getaffinity(0))
    busy = used.ru_utime + used.ru_stime
    print(f"{busy:.0f} s of CPU time in {seconds:.0f} s: {busy / seconds / cores:.0%} of {cores} cores", flush=True)
    has_nothing_left = "--last-failed" in options
    return max(0 if status == NOTHING_COLLECTED and has_nothing_left else status for status in statuses)


def _compile(lane: str) -> None:
    """In a new clone: let one process each compile what all import. They began at the same time, and all compiled it:
    minutes of CPU time, in which tests of the first minute ran out of theirs.
    """
    commands = [[sys.executable, "-m", zygote.__name__, *kind] for kind in ([], ["gevent"])]
    commands += [[sys.executable, "-m", "pytest", "--collect-only", "-q", f"--lane={lane}", "-p", "no:cacheprovider"]]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen(command, cwd=ROOT, **quiet) for command in commands]
    for process in processes:
        _wait(process)  # what is wrong with it is told by the tests


@contextmanager
def _running(argv: list[str], env: dict[str, str], output: IO[bytes] | None) -> Iterator[subprocess.Popen]:
    """The process; if this one is ended meanwhile, so is that."""
    process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        _wait(process)


def _wait(process: subprocess.Popen) -> int:
    """Ctrl-C reaches all of them; each ends in its own way and says what it has found."""
    while True:
        try:
            return abs(process.wait())
        except KeyboardInterrupt:
            continue


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("lane")
    parser.add_argument("databases", nargs="+")
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    chosen = parser.parse_args(words[:at])
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup leaves it
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    return run(chosen.lane, chosen.databases, words[at + 1 :])


if __name__ == "__main__":
    sys.exit(main())
