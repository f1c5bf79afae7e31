"""Run the fault campaign: `python -m tests.faults --seed 7 --database sqlite --pool gevent --episodes 1`.

Without `--database` and `--pool` all four combinations are run one after the other, and docs/reliability.md is written.
"""

import argparse
import itertools
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults import report
from tests.faults.parts import Town
from tests.harness.parts import postgres_program
from tests.harness.processes import ROOT, kill_all

COMBINATIONS = [(database, pool) for database in ("sqlite", "postgres") for pool in ("gevent", "prefork")]
FAULTS = 1000  # of a campaign
VIOLATED = 3  # exit code
started = time.monotonic()


def main() -> None:
    options = _options()
    if options.database != "sqlite" and not postgres_program("initdb"):
        sys.exit("PostgreSQL's programs are not installed (Debian: apt-get install postgresql).")
    if options.database and options.pool:
        results = [run_combination(options)]
        print(report.tables(results))
    else:
        results = run_all(options)
        text = report.with_circumstances(results, f"python -m tests.faults {shlex.join(sys.argv[1:])}".strip())
        print(text)
        if len(results) == len(COMBINATIONS):
            report.write_page(text)
    if options.json:
        options.json.write_text(json.dumps(results))
    violations = [violation for result in results for violation in result["violations"]]
    for violation in violations:
        print(f"VIOLATION {violation['invariant']}: {violation['what']}\n  {violation['command']}")
    sys.exit(VIOLATED if violations else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first episode; the others count on")
    parser.add_argument("--faults", type=int, default=FAULTS, help="end after so many injected faults")
    parser.add_argument("--episodes", type=int, default=10**6, help="end after so many episodes")
    parser.add_argument("--at-once", type=int, default=1, help="so many combinations beside each other")
    parser.add_argument("--database", choices=["sqlite", "postgres"])
    parser.add_argument("--pool", choices=["gevent", "prefork"])
    parser.add_argument("--json", type=Path, help="write the counts there, too")
    return parser.parse_args()


def run_all(options: argparse.Namespace) -> list[dict]:
    """Run each combination in its own process: a process has one Django database."""
    chosen = [
        (database, pool)
        for database, pool in COMBINATIONS
        if options.database in (None, database) and options.pool in (None, pool)
    ]
    faults = -(-options.faults // len(chosen))
    with ThreadPoolExecutor(options.at_once) as crowd:
        return list(itertools.chain(*crowd.map(lambda one: _run_process(options, *one, faults), chosen)))


def _run_process(options: argparse.Namespace, database: str, pool: str, faults: int) -> list[dict]:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        argv = [sys.executable, "-m", "tests.faults", "--database", database, "--pool", pool]
        argv += ["--seed", str(options.seed), "--episodes", str(options.episodes), "--json", file.name]
        done = subprocess.run([*argv, "--faults", str(faults)], cwd=ROOT)
        if done.returncode not in (0, VIOLATED):
            sys.exit(f"The campaign on {database} with {pool} broke down.")
        return json.loads(Path(file.name).read_text())


def run_combination(options: argparse.Namespace) -> dict:
    """Run episodes with consecutive seeds until enough faults are injected. Returns the counts."""
    try:
        town = Town(options.database, options.pool)
        _set_up_django(town)
        from tests.faults.campaign import Campaign

        campaign = Campaign(town, options.database, options.pool, say)
        campaign.run(options.seed, options.episodes, options.faults)
        return campaign.counts()
    finally:
        kill_all()


def _set_up_django(town: Town) -> None:
    """Connect this process to the database and broker of the parts."""
    os.environ |= town.env | {"DATABASE_POOL": "0", "LOG_LEVEL": "CRITICAL"}
    import django

    django.setup()
    import chatapp.celery  # noqa: F401


def say(line: str) -> None:
    print(f"[{time.monotonic() - started:5.0f} s] {line}", flush=True)


if __name__ == "__main__":
    main()
