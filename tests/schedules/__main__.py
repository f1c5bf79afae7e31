"""Run the campaign of schedules: `python -m tests.schedules --seed 7 --seconds 120 --database sqlite`."""

import argparse
import os
import subprocess
import sys

from tests.harness.processes import ROOT

TEST = "tests/worker/test_schedules.py::test_whatever_happens_each_time_is_asked_once[long]"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.schedules", description=__doc__)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--seconds", default="120", help="of faults")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    options = parser.parse_args()
    env = {**os.environ, "CAMPAIGN_SEED": options.seed, "CAMPAIGN_SECONDS": options.seconds}
    argv = [sys.executable, "-m", "pytest", "-q", "-s", "--timeout", "0", "--database", options.database, TEST]
    return subprocess.run(argv, cwd=ROOT, env=env).returncode


if __name__ == "__main__":
    sys.exit(main())
