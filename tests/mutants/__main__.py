"""Try all mutants: `python -m tests.mutants --only stop --at-once 2`. Exit code 1: one survived, or showed nothing."""

import argparse
import itertools
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue

from tests.mutants.bench import Bench, Verdict
from tests.mutants.mutant import Mutant, all_mutants

MARKS = {"killed": "killed  ", "survived": "SURVIVED", "invalid": "INVALID "}


def main() -> None:
    options = _options()
    mutants = [mutant for mutant in all_mutants() if options.only.lower() in _words(mutant)]
    if not mutants:
        sys.exit(f"no mutant has {options.only!r} in its name, its path or its test")
    started = time.monotonic()
    benches = [Bench() for _ in range(min(options.at_once, len(mutants)))]
    try:
        verdicts = _try_all(mutants, benches)
    finally:
        for bench in benches:
            bench.remove()
    _print_table(verdicts, time.monotonic() - started)
    sys.exit(0 if all(verdict.outcome == "killed" for verdict in verdicts) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="mutants that have this word in name, path or test")
    parser.add_argument("--at-once", type=int, default=1, help="so many beside each other, each in a copy of its own")
    return parser.parse_args()


def _words(mutant: Mutant) -> str:
    return f"{mutant.name} {mutant.path} {mutant.test} {mutant.database}".lower()


def _try_all(mutants: list[Mutant], benches: list[Bench]) -> list[Verdict]:
    """First the tests as they are, then each mutant with its own. Prints each verdict as it comes."""
    useless = _useless_tests(mutants, benches[0])
    free, verdicts, numbers = SimpleQueue(), {}, itertools.count(1)
    for bench in benches:
        free.put(bench)

    def one(mutant: Mutant) -> Verdict:
        if reason := useless.get((mutant.database, mutant.test)):
            return Verdict(mutant, "invalid", reason)
        bench = free.get()
        try:
            return bench.try_mutant(mutant)
        finally:
            free.put(bench)

    with ThreadPoolExecutor(len(benches)) as crowd:
        for future in as_completed([crowd.submit(one, mutant) for mutant in mutants]):
            verdict = future.result()
            verdicts[verdict.mutant] = verdict
            print(f"{next(numbers)}/{len(mutants)} {_line(verdict)}", flush=True)
    return [verdicts[mutant] for mutant in mutants]


def _useless_tests(mutants: list[Mutant], bench: Bench) -> dict[tuple[str, str], str]:
    """Why a test can't find anything, of those that don't pass while the code is whole."""
    reasons = {}
    for database in sorted({mutant.database for mutant in mutants}):
        tests = sorted({mutant.test for mutant in mutants if mutant.database == database})
        print(f"{len(tests)} tests on {database}, without any fault …", flush=True)
        found = bench.try_unmutated(tests, database)
        reasons |= {(database, test): reason for test, reason in found.items()}
    return reasons


def _line(verdict: Verdict) -> str:
    return f"{MARKS[verdict.outcome]} {verdict.seconds:5.1f} s  {verdict.mutant.name} ← {verdict.why}"


def _print_table(verdicts: list[Verdict], seconds: float) -> None:
    print(f"\n{'':8} {'s':>6}  {'file':32} fault, and the test that finds it")
    for verdict in verdicts:
        mutant = verdict.mutant
        print(f"{MARKS[verdict.outcome]} {verdict.seconds:6.1f}  {mutant.path:32} {mutant.name}\n{'':49}{mutant.test}")
    counts = {word: sum(verdict.outcome == word for verdict in verdicts) for word in MARKS}
    print(f"\n{len(verdicts)} mutants in {seconds / 60:.1f} min: " + ", ".join(f"{n} {w}" for w, n in counts.items()))
    for verdict in verdicts:
        if verdict.outcome != "killed":
            print(f"\n{_line(verdict)}")


if __name__ == "__main__":
    main()
