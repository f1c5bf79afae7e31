"""npm's packages for tests of clients, from lock files."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.harness.plugin import skip_missing
from tests.harness.processes import temporary_directory


@cache
def npm_packages(source: Path) -> Path:
    """A directory with the packages that the lock file in `source` names, and with the other files of `source`."""
    npm = shutil.which("npm")
    if npm is None:
        skip_missing("npm is not installed")
    directory = temporary_directory("npm")
    for path in source.iterdir():
        if path.is_file() and path.suffix != ".py":
            shutil.copy(path, directory)
    done = subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=directory, capture_output=True, text=True)
    if done.returncode:
        skip_missing(f"the npm packages cannot be installed: {done.stderr[-500:]}")
    return directory
