"""A short campaign; `make test-all` has one on each database with each pool, and `make faults` long ones."""

import subprocess
import sys

import pytest

from tests.harness.parts import postgres_program
from tests.harness.plugin import skip_missing
from tests.harness.processes import ROOT

EPISODES = "1"  # of nine faults each
long = pytest.mark.long


@pytest.mark.timeout(280)
@pytest.mark.stack
@pytest.mark.parametrize(
    ("database", "pool"),
    [
        ("postgres", "gevent"),
        pytest.param("postgres", "prefork", marks=long),
        pytest.param("sqlite", "gevent", marks=long),
        pytest.param("sqlite", "prefork", marks=long),
    ],
)
def test_whatever_is_killed_what_was_seen_is_kept_and_every_run_ends_once(database, pool):
    # B1 B4 B6 B8 B11 B12 B13 B16 B17 B19 B21 B23 B24 B26 B27 B34 B37 B41 B49
    if database == "postgres" and not postgres_program("initdb"):
        skip_missing("PostgreSQL is not installed: nothing was killed on it")
    argv = [sys.executable, "-m", "tests.faults", "--database", database, "--pool", pool, "--episodes", EPISODES]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=270)
    assert done.returncode == 0, done.stdout + done.stderr
