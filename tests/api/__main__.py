"""Let schemathesis ask the API for longer: `python -m tests.api --examples 200 --database sqlite`."""

import argparse
import os
import subprocess
import sys

from tests.harness.processes import ROOT


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.api", description=__doc__)
    parser.add_argument("--examples", default="200", help="of each operation, that fit and that do not")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    options = parser.parse_args()
    env = {**os.environ, "CONFORMANCE_EXAMPLES": options.examples}
    argv = [sys.executable, "-m", "pytest", "-q", "--timeout", "0", "-o", "faulthandler_timeout=0"]
    argv += ["--show-capture", "no", "--database", options.database, "tests/api/test_conformance.py"]
    return subprocess.run(argv, cwd=ROOT, env=env).returncode


if __name__ == "__main__":
    sys.exit(main())
