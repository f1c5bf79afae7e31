"""The push lane on the other Pythons of this machine: `python -m tests.pythons`, which `make test-all` ends with.

Each has a clone of the last commit to itself, in a temporary directory, with an environment of its own.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.harness.processes import ROOT

VERSIONS = ("3.11", "3.12", "3.13")
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.pythons", description=__doc__)
    parser.add_argument("--only", choices=VERSIONS, action="append", help="this version; may be given again")
    ours = "{}.{}".format(*sys.version_info)
    wanted = parser.parse_args().only or [version for version in VERSIONS if version != ours]
    results = {version: _try(version) for version in wanted}
    print("\n".join(f"Python {version}: {result}" for version, result in results.items()))
    return int("failed" in results.values())


def _try(version: str) -> str:
    python = _find(version)
    if python is None:
        return "not on this machine"
    with tempfile.TemporaryDirectory(prefix=f"chatapp-python{version}-") as clone:
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        done = subprocess.run(["make", "test", f"PYTHON={python}"], cwd=clone)
    return "failed" if done.returncode else "passed"


def _find(version: str) -> str | None:
    """An interpreter of that version which starts: a shim of pyenv may not."""
    candidates = [shutil.which(f"python{version}"), *map(str, sorted(PYENV.glob(f"{version}.*/bin/python{version}")))]
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", ""], capture_output=True).returncode == 0:
            return candidate
    return None


if __name__ == "__main__":
    sys.exit(main())
