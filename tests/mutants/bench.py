"""A copy of the tree in which faults are tried: put in, tested, taken out again."""

import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.harness.processes import ROOT
from tests.mutants.mutant import Mutant

LINKED = (".venv", "deploy/browser/node_modules")  # installed, not in git; nothing changes them
ALL_SECONDS = 3600.0  # s for all tests, unmutated, together
TEST_SECONDS = 240.0  # s for one of them with a fault in
FAILED = 1  # pytest's exit code when tests have failed
NOT_A_FAULT = ("ImportError", "ModuleNotFoundError", "NameError", "SyntaxError", "UnboundLocalError")
OVER_TIME = "from pytest-timeout"
NOT_STARTED = re.compile(r"in vain: \w+ (says '@|accepts connections)")  # a part: nothing was tried


@dataclass(frozen=True)
class Case:
    """One test as pytest reports it."""

    name: str  # module.function[parameters]
    outcome: str  # passed, failed, error or skipped
    message: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant: `killed`, `survived` or `invalid` (nothing was shown)."""

    mutant: Mutant
    outcome: str
    why: str
    seconds: float = 0.0


class Bench:
    """A copy of what git knows of the working tree, with links to what is installed."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="chatapp-mutants-"))
        self._times = itertools.count(int(time.time()) + 1)  # no two alike
        argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
        for name in filter(None, names):
            if ((ROOT / name).is_file() or (ROOT / name).is_symlink()) and name not in LINKED:
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name, follow_symlinks=False)
        for name in LINKED:
            if (ROOT / name).exists():
                (self.root / name).symlink_to((ROOT / name).resolve())

    def remove(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def try_unmutated(self, tests: list[str], database: str) -> dict[str, str]:
        """Which of `tests` show nothing, and why: they must pass while the code is whole."""
        _, cases, output = self._pytest(tests, database, ALL_SECONDS, "-p", "no:randomly")
        reasons = {}
        for test in tests:
            ran = [case for case in cases if _is_of(case, test)]
            bad = next((case for case in ran if case.outcome != "passed"), None)
            if not ran:
                reasons[test] = f"not run on {database}" if cases else f"pytest ended early: {output[-500:]}"
            elif bad:
                reasons[test] = f"{bad.outcome} without the fault: {bad.message[:200]}"
        return reasons

    def try_mutant(self, mutant: Mutant) -> Verdict:
        started = time.monotonic()
        misfit = mutant.misfit(self.root)
        if misfit:
            return Verdict(mutant, "invalid", misfit)
        file = self.root / mutant.path
        stat, text = file.stat(), file.read_text()
        try:
            file.write_text(mutant.applied_to(text))
            # Python goes by a file's time, in seconds, and size when it looks for compiled code
            os.utime(file, (stat.st_atime, next(self._times)))
            outcome, why = self._unknown_name(mutant) or self._judge(mutant)
        finally:
            file.write_text(text)
            os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        return Verdict(mutant, outcome, why, time.monotonic() - started)

    def _unknown_name(self, mutant: Mutant) -> tuple[str, str] | None:
        if not mutant.path.endswith(".py"):
            return None
        ruff = [str(self.root / ".venv/bin/ruff"), "check", "--isolated", "--quiet", "--select", "E9,F821,F823"]
        done = subprocess.run([*ruff, mutant.path], cwd=self.root, capture_output=True, text=True)
        return ("invalid", f"the code is broken: {done.stdout[:300]}") if done.returncode else None

    def _judge(self, mutant: Mutant) -> tuple[str, str]:
        code, cases, output = self._pytest([mutant.test], mutant.database, TEST_SECONDS, "-x")
        failed = next((case for case in cases if case.outcome == "failed"), None)
        if code is None or (failed and OVER_TIME in failed.message):
            return ("killed", "it hangs") if mutant.hangs else ("invalid", "the time limit was reached")
        if code == 0:
            return "survived", "the test passes"
        if code != FAILED or failed is None:
            return "invalid", f"no test has failed (exit code {code}): {output[-300:]}"
        if failed.message.startswith(NOT_A_FAULT) or NOT_STARTED.search(failed.message):
            return "invalid", failed.message[:200]
        return "killed", f"{failed.name.rpartition('.')[2]}: {failed.message.splitlines()[0][:120]}"

    def _pytest(
        self, tests: list[str], database: str, limit: float, *options: str
    ) -> tuple[int | None, list[Case], str]:
        """Exit code (None: it did not end within `limit` s), what pytest reports, and what it printed."""
        report = self.root / "report.xml"
        report.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "pytest", "-q", "--no-header", f"--junitxml={report}", *options]
        argv += [
            "-p",
            "no:cacheprovider",
            "--nomigrations",
            f"--timeout={TEST_SECONDS / 2:g}",
            f"--database={database}",
            *tests,
        ]
        process = subprocess.Popen(
            argv,
            cwd=self.root,
            env={**os.environ, "EDGES": "more"},  # what a short form leaves to chance is tried each time
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # what it has started is buried by the tests' undertaker
            process.communicate()
            return None, [], ""
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return process.returncode, _cases(report), output


def _cases(report: Path) -> list[Case]:
    if not report.exists():
        return []
    cases = []
    for case in ElementTree.parse(report).iter("testcase"):
        outcome, message = "passed", ""
        for tag, word in (("skipped", "skipped"), ("error", "error"), ("failure", "failed")):
            if (element := case.find(tag)) is not None:
                outcome, message = word, element.get("message") or element.text or word
        name = f"{case.get('classname')}.{case.get('name')}"
        cases.append(Case(name, outcome, message, float(case.get("time") or 0)))
    return cases


def _is_of(case: Case, test: str) -> bool:
    """Whether pytest's report is about the test of that id, or about one of its parameters."""
    file, _, name = test.partition("::")
    wanted = f"{file.removesuffix('.py').replace('/', '.')}.{name.replace('::', '.')}"
    return case.name == wanted or case.name.startswith(f"{wanted}[")
