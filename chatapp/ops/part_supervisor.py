"""Keep one part running: start it behind a pipe guard, and restart it whenever it ends, until it is stopped."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from chatapp.ops import pipe_guard
from chatapp.ops.part_logs import Logs

POLL_SECONDS = 0.05  # s between checks of a part that is starting
NOTICE_SECONDS = 5.0  # s until the console says that a part is still stopping; an idle Celery worker takes 3
HURRY_SECONDS = 4.0  # s from `hurry_signal` to SIGKILL: Celery checks its signals every 2 s
OUTPUT_SECONDS = 1.0  # s to read a part's last output after its end: a child of its own may hold the pipe open

# s from an exit to the next start. The first is short, because a single kill is the usual case; the last keeps a part
# that exits again and again from using up the machine.
BACKOFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
STABLE_SECONDS = 60.0  # s after which a part that was ready counts as stable: its next exit counts as the first
MAX_FAILED_STARTS = 5  # in a row; a part that never becomes ready will not recover by itself


@dataclass(frozen=True)
class Part:
    name: str  # on the console, and of its log file
    command: list[str]
    is_ready: Callable[[], bool] | None = None  # None: ready once it has lived for `settle_seconds`
    before_start: Callable[[], None] = lambda: None  # called before each start; an exception fails the start
    settle_seconds: float = 1.0  # s
    ready_seconds: float = 60.0  # s after which a start counts as failed
    stop_seconds: float = 10.0  # s from SIGTERM to `hurry_signal`
    hurry_signal: int = signal.SIGTERM  # sent after `stop_seconds`, or at the second Ctrl-C
    env: dict[str, str] = field(default_factory=dict)  # on top of the supervisor's own
    cwd: str | None = None
    substitute: list[str] = field(default_factory=list)  # run every `substitute_seconds` while the part is away
    substitute_seconds: float = 5.0  # s


class PartProcess(subprocess.Popen):
    """A part's process behind its pipe guard. A thread of its own copies its output to the log."""

    def __init__(self, part: Part, logs: Logs):
        # -I -S: no site-packages, so that the guard starts in milliseconds; the command's own Python has them.
        super().__init__(
            [sys.executable, "-I", "-S", pipe_guard.__file__, *part.command],
            env={**os.environ, **part.env},
            cwd=part.cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.began = time.monotonic()
        self._reader = threading.Thread(target=self._read, args=(part.name, logs), name=f"{part.name}'s output")
        self._reader.daemon = True
        self._reader.start()

    def _read(self, name: str, logs: Logs) -> None:
        with self.stdout:
            for line in iter(self.stdout.readline, b""):
                logs.write(name, line)

    @property
    def age(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    @property
    def is_alive(self) -> bool:
        return self.poll() is None

    def release(self) -> None:
        """Kill the part at once: when its stdin closes, the guard kills the whole process group."""
        try:
            self.stdin.close()
        except OSError:
            pass

    def finish(self) -> int:
        """Wait for its end and its last output. Return the exit code as a shell does (128 + signal)."""
        code = self.wait()
        self._reader.join(OUTPUT_SECONDS)
        self.release()
        return code if code >= 0 else 128 - code  # negative: the guard itself was killed


class PartSupervisor(threading.Thread):
    """Supervises one part. Once `stopping` is set, nothing more is started.

    `give_up(part_supervisor)` is called when the part has failed to start too often; `failure` then says how.
    """

    def __init__(
        self,
        part: Part,
        logs: Logs,
        print_line: Callable[[str], None],
        stopping: threading.Event,
        give_up: Callable[["PartSupervisor"], None],
    ):
        super().__init__(name=part.name)
        self.part, self.is_ready, self.failure, self.code = part, False, "", 0
        self._logs, self._print, self._stopping, self._give_up = logs, print_line, stopping, give_up
        self._process: PartProcess | None = None
        self._starting = threading.Lock()  # `stop` sees either the new process, or that none will start
        self._has_been_ready = False
        self._failed_starts = self._recent_exits = 0  # in a row
        self._substitute: subprocess.Popen | None = None  # the command that runs while the part is away
        self._substitute_due = time.monotonic() + part.substitute_seconds

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                failure = self._run_once()
                if self._stopping.is_set():
                    return
                if self._failed_starts >= MAX_FAILED_STARTS:
                    self.failure = f"{failure} {self._failed_starts} times in a row"
                    self._give_up(self)
                    return
                self._wait_before_restart(failure)
        finally:
            self._end_substitute()

    # -- one start ---------------------------------------------------------------------------------

    def _run_once(self) -> str:
        """Start the part and wait for its end. Update the counters, and return what happened as a sentence."""
        self.is_ready, fault = False, ""
        try:
            self.part.before_start()
            process = self._start()
        except Exception as error:  # fork: out of memory or processes; the database: unavailable
            self._failed_starts, self.code = self._failed_starts + 1, 1
            return f"{self.part.name} could not be started ({error})"
        if process is None:
            return ""
        self.is_ready = self._wait_until_ready(process)
        if not (self.is_ready or self._stopping.is_set()) and process.is_alive:
            fault = f"{self.part.name} did not respond within {self.part.ready_seconds:.0f} s"
            process.release()
        was_ready, code = self.is_ready, process.finish()
        code = 1 if fault else code
        self.is_ready, self.code = False, code
        self._substitute_due = time.monotonic() + self.part.substitute_seconds
        self._failed_starts = 0 if was_ready else self._failed_starts + 1
        if was_ready and process.age > STABLE_SECONDS:
            self._recent_exits = 0
        return fault or f"{self.part.name} has ended ({describe_exit(code)})"

    def _start(self) -> PartProcess | None:
        """None if everything is being stopped."""
        with self._starting:
            if self._stopping.is_set():
                return None
            self._process = PartProcess(self.part, self._logs)
            return self._process

    def _wait_until_ready(self, process: PartProcess) -> bool:
        while process.is_alive and process.age <= self.part.ready_seconds:
            if self._is_answering(process):
                again = "again " if self._has_been_ready else ""
                self._has_been_ready = True
                self._end_substitute()
                self._print(f"  {self.part.name:<9} ready {again}after {process.age:.1f} s")
                return True
            self._run_substitute()
            if self._stopping.wait(POLL_SECONDS):
                return False
        return False

    def _is_answering(self, process: PartProcess) -> bool:
        if self.part.is_ready is None:
            return process.age >= self.part.settle_seconds
        try:
            return self.part.is_ready()
        except Exception as error:
            self._logs.write(self.part.name, f"[supervisor] the readiness check failed: {error}".encode())
            return False

    # -- between two starts ------------------------------------------------------------------------

    def _wait_before_restart(self, failure: str) -> None:
        pause = BACKOFF_SECONDS[min(self._recent_exits, len(BACKOFF_SECONDS) - 1)]
        self._recent_exits += 1
        count = f" (start {self._failed_starts + 1} of {MAX_FAILED_STARTS})" if self._failed_starts else ""
        # Show the last lines if the part itself has a fault.
        details = self.last_lines() if self._failed_starts else f" Its log: {self._logs.path(self.part.name)}"
        self._print(f"\n{failure}. It will be restarted in {pause:g} s{count}.{details}")
        end = time.monotonic() + pause
        while (remaining := end - time.monotonic()) > 0 and not self._stopping.wait(min(remaining, POLL_SECONDS)):
            self._run_substitute()

    def _run_substitute(self) -> None:
        """Start `substitute` when it is due, if the part has been ready before. Does not wait for it."""
        if not (self.part.substitute and self._has_been_ready and time.monotonic() >= self._substitute_due):
            return
        if self._substitute is None or self._substitute.poll() is not None:
            self._substitute_due = time.monotonic() + self.part.substitute_seconds
            try:
                self._substitute = subprocess.Popen(
                    self.part.substitute,
                    env={**os.environ, **self.part.env},
                    cwd=self.part.cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError:  # as with the part itself: there may be memory later
                self._substitute = None

    def _end_substitute(self) -> None:
        if self._substitute is not None:
            self._substitute.kill()
            self._substitute.wait()
            self._substitute = None

    def last_lines(self) -> str:
        tail = "".join(f"\n    {line}" for line in self._logs.tail(self.part.name))
        return f" Its last lines (all in {self._logs.path(self.part.name)}):{tail or ' none'}"

    # -- the end -----------------------------------------------------------------------------------

    def stop(self, hurry: threading.Event) -> None:
        """Stop the part within its time limit, then this thread. `stopping` must be set."""
        with self._starting:
            process = self._process
        if process is None or not process.is_alive:
            self.join()
            return
        part, began = self.part, time.monotonic()
        process.send_signal(signal.SIGTERM)
        if not _wait_for_end(process, began + NOTICE_SECONDS, hurry) and not hurry.is_set():
            self._print(f"  {part.name:<9} is still stopping, for at most {part.stop_seconds:.0f} s")
        if not _wait_for_end(process, began + part.stop_seconds, hurry):
            process.send_signal(part.hurry_signal)
            _wait_for_end(process, time.monotonic() + HURRY_SECONDS)
        how = "killed" if process.is_alive else "stopped"
        process.release()
        self.join()
        self._print(f"  {part.name:<9} {how} after {time.monotonic() - began:.1f} s")


def _wait_for_end(process: PartProcess, deadline: float, hurry: threading.Event | None = None) -> bool:
    """Wait for the part's end, the deadline (of time.monotonic), or `hurry`."""
    while process.is_alive and not (hurry and hurry.is_set()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return not process.is_alive


def describe_exit(code: int) -> str:
    """An exit code of a shell, explained where it is a signal."""
    if code == 128 + signal.SIGKILL:
        return f"exit code {code}: killed, by hand or for lack of memory"
    try:
        return f"exit code {code}: {signal.Signals(code - 128).name}" if code > 128 else f"exit code {code}"
    except ValueError:
        return f"exit code {code}"
