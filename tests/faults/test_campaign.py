"""A short campaign on each database and each pool; `make faults` runs the long one, on all four combinations."""

import subprocess
import sys

import pytest

from tests.harness.parts import postgres_program
from tests.harness.plugin import missing
from tests.harness.processes import ROOT

EPISODES = "1"  # of each: with starting the parts about 25 s


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("database", "pool"), [("sqlite", "gevent"), ("postgres", "gevent"), ("postgres", "prefork")])
def test_whatever_is_killed_what_was_seen_is_kept_and_every_run_ends_once(database, pool):
    # B1 B4 B6 B8 B11 B12 B13 B16 B17 B19 B21 B23 B24 B26 B27 B34 B37 B41 B49
    if database == "postgres" and not postgres_program("initdb"):
        missing("PostgreSQL is not installed: nothing was killed on it")
    argv = [sys.executable, "-m", "tests.faults", "--database", database, "--pool", pool, "--episodes", EPISODES]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
