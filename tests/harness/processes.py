"""A part: a process in a group of its own, with a log file, that never outlives its test or pytest."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness import undertaker, zygote
from tests.harness.facts import PATIENCE_SECONDS, wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
THROTTLES = (
    "READS",
    "WRITES",
    "RUNS",
    "PROGRAMS",
    "FOLLOWS",
    "SIGN_INS",
    "EXPORTS",
    "ANONYMOUS",
)  # off, but for their own tests


class Grave:
    """The undertaker's end of the pipe, made on first use."""

    def __init__(self):
        self._process: subprocess.Popen | None = None

    def tell(self, line: str) -> None:
        if self._process is None:
            argv = [sys.executable, "-S", undertaker.__file__]
            self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, text=True, start_new_session=True)
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process = None


grave = Grave()
zygotes = {is_gevent: zygote.Zygote(is_gevent=is_gevent) for is_gevent in (False, True)}
living: list["Part"] = []  # for the tails of their logs when a test fails


def temporary_directory(name: str) -> Path:
    """A new directory that is removed when the test session ends, however it ends."""
    path = Path(tempfile.mkdtemp(prefix=f"chatapp-{name}-"))
    grave.tell(str(path))
    return path


class Part:
    """A process that can be started, stopped, killed and started again. Its log is kept over restarts."""

    def __init__(self, name: str, argv: list[str], directory: Path, env: dict[str, str], user: str | None = None):
        self.name, self.argv, self.env, self.user = name, argv, env, user
        self.log_path = directory / f"{name}.log"
        self.process: subprocess.Popen | None = None
        self._log_start = 0  # of the present incarnation
        self.log_mark = 0  # of the present test

    def __repr__(self):
        return f"<{self.name} {self.process.pid if self.process else 'not started'}>"

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> "Part":
        assert not self.is_alive, f"{self!r} runs already"
        self.kill()  # it may have ended by itself, and left children
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            if zygote.can_fork(self.argv, self.env):
                log_path = str(self.log_path)
                self.process = zygotes["gevent" in self.argv].start(self.argv, self.env, log_path, log_path)
            else:
                self.process = self._execute(log)
        grave.tell(f"+{self.pid}")
        living.append(self)
        return self

    def _execute(self, log) -> subprocess.Popen:
        return subprocess.Popen(
            self.argv,
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **({"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}),
        )

    def log(self) -> str:
        """The output of the current process."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def tail(self, lines: int = 30) -> str:
        """The last lines of output during the current test."""
        with self.log_path.open("rb") as log:
            log.seek(self.log_mark)
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    def mark_log(self) -> None:
        self.log_mark = self.log_path.stat().st_size

    def wait_for_line(self, pattern: str, patience: float = PATIENCE_SECONDS) -> re.Match:
        """The first match of `pattern` in the output of the current process."""

        def said():
            found = re.search(pattern, self.log())
            if not found and not self.is_alive:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.log()[-3000:]}")
            return found

        try:
            return wait_until(said, f"{self.name} says {pattern!r}", patience)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()[-3000:]}") from None

    def stop(self, patience: float = PATIENCE_SECONDS, number: int = signal.SIGTERM) -> int:
        """Send SIGTERM and wait. Returns the exit code; AssertionError if it does not end."""
        self.process.send_signal(number)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end on signal {number}:\n{self.log()[-3000:]}") from None
        finally:
            self.kill()

    def suspend(self) -> None:
        """Suspend the process and its children (SIGSTOP), like a machine that sleeps.

        Returns when they stand still: on a busy machine some of a process's threads run on for many milliseconds.
        """
        os.killpg(self.pid, signal.SIGSTOP)
        wait_until(lambda: states_of_threads(self.pid) <= set("TZ"), f"{self.name} stands still")

    def resume(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Kill -9 it and all of its children, at once."""
        if self not in living:
            return
        living.remove(self)
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        grave.tell(f"-{self.pid}")


@contextmanager
def inherited(number: int, disposition) -> Iterator[None]:
    """What is started while this lasts begins with this disposition of a signal. A zygote's forks do not."""
    before = signal.signal(number, disposition)
    try:
        yield
    finally:
        signal.signal(number, before)


def run_program(argv: list[str], env: dict[str, str], timeout: float) -> subprocess.CompletedProcess:
    """Run one of this site's programs and wait for it, at most so many seconds."""
    if zygote.can_fork(argv, env):
        return zygotes[False].run(argv, env, timeout)
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout)


def dry_run_of_make(target: str) -> str:
    """The recipe of a target, whatever the make that runs the tests was told: it passes its variables on."""
    argv, env = ["make", "--no-print-directory", "--dry-run", target], {"PATH": os.environ["PATH"]}
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=60).stdout


def kill_all() -> None:
    for part in reversed(list(living)):
        part.kill()
    for each in zygotes.values():
        each.close()
    grave.close()


def find_program(name: str, *more_places: str) -> str | None:
    """Where a program is: in this Python's environment, on the path, or in one of `more_places` (globs)."""
    beside_python = Path(sys.executable).parent / name
    if beside_python.exists():
        return str(beside_python)
    if found := shutil.which(name):
        return found
    found = sorted(str(path) for place in more_places for path in Path("/").glob(f"{place}/{name}".lstrip("/")))
    return found[-1] if found else None


def states_of_threads(group: int) -> set[str]:
    """The states (R, S, T …) in which the kernel has the threads of all processes of a group."""
    states = set()
    for stat in Path("/proc").glob("[0-9]*/task/*/stat"):
        try:
            state, _, process_group = stat.read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue  # it has just ended
        if int(process_group) == group:
            states.add(state)
    return states
