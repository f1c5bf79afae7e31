"""Starts the parts, watches them, stops them in order. Built on honcho's manager.

What differs from honcho: a part is started when its turn comes (not all at once), by a thread of this process
(not by a forked copy of it), on a leash, without a shell; and the parts are stopped one after the other, each
with the time it needs. As in honcho, all stop when one ends.
"""

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from honcho.manager import Manager
from honcho.process import Popen, Process

from chatapp.ops import leash
from chatapp.ops.logs import Logs

POLL_SECONDS = 0.05  # s between two looks at a part that is starting
TELL_SECONDS = 5.0  # s before the console says that a part is still finishing; an idle Celery worker takes 3
HURRIED_SECONDS = 4.0  # s from `hurry_signal` to SIGKILL: Celery looks at its signals every 2 s
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Part:
    name: str  # on the console and of its log file
    command: list[str]
    is_ready: Callable[[], bool] = lambda: True
    ready_seconds: float = 60.0  # s after which a start counts as failed
    stop_seconds: float = 10.0  # s from SIGTERM to `hurry_signal`
    hurry_signal: int = signal.SIGTERM  # sent when its time is over, or at the second Ctrl-C
    env: dict[str, str] = field(default_factory=dict)  # on top of the supervisor's own
    cwd: str | None = None


@dataclass
class Running:
    part: Part
    process: "LeashedProcess"
    thread: threading.Thread  # lasts as long as the part
    started_at: float = field(default_factory=time.monotonic)

    @property
    def is_alive(self) -> bool:
        return self.thread.is_alive()

    @property
    def age(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started_at


class NotStarted(Exception):
    """A part ended or was stopped while it was waited for, or did not answer in time."""


class LeashedPopen(Popen):
    def __init__(self, command, **options):
        # -I -S: no site-packages, so that the leash starts in milliseconds; the command's own Python has them.
        leashed = [sys.executable, "-I", "-S", leash.__file__, *command]
        super().__init__(leashed, shell=False, stdin=-1, **options)


class LeashedProcess(Process):
    """honcho's process; `started` is set once it runs, or has failed to."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self._child_ctor = LeashedPopen
        self.started = threading.Event()

    def run(self, events) -> None:
        try:
            super().run(events)
        finally:
            if self._child:
                self._child.stdin.close()
            self.started.set()

    def signal(self, number: int) -> None:
        self._child.send_signal(number)

    def let_go(self) -> None:
        """End the part at once: without the supervisor's hold the leash kills its whole group."""
        self._child.stdin.close()

    def _send_message(self, data, type="line"):
        super()._send_message(data, type)
        if type == "start":
            self.started.set()


class Supervisor(Manager):
    """`bring_up` is called in a thread of its own and calls `launch` and `wait_for`; `loop` lasts until the end.

    Afterwards `returncode` is 0 if a person ended it, else not.
    """

    def __init__(self, logs: Logs, say: Callable[[str], None], bring_up: Callable[["Supervisor"], None]):
        super().__init__(printer=logs)
        self.events = queue.SimpleQueue()  # honcho's own crosses processes; here are only threads
        self._process_ctor = LeashedProcess
        self._logs, self._say, self._bring_up = logs, say, bring_up
        self._running: dict[str, Running] = {}  # in the order of their start
        self._launching = threading.RLock()  # re-entered by the signal handler
        self._brought_up, self._hurry = threading.Event(), threading.Event()
        self._asked = False  # a person ended it

    # -- starting --------------------------------------------------------------------------------

    def launch(self, part: Part) -> None:
        """Start a part. Raises NotStarted when everything is being stopped already."""
        with self._launching:
            if self._terminating:
                raise NotStarted
            process = self.add_process(part.name, part.command, env={**os.environ, **part.env}, cwd=part.cwd)
            thread = threading.Thread(target=process.run, args=(self.events,), name=part.name)
            thread.start()
            process.started.wait()
            self._running[part.name] = Running(part, process, thread)

    def wait_for(self, *parts: Part) -> None:
        """Wait until all of them answer, and say so of each. Raises NotStarted."""
        waiting = [self._running[part.name] for part in parts]
        while waiting:
            for running in list(waiting):
                self._check_start(running)
                if running.part.is_ready():
                    waiting.remove(running)
                    self._say(f"  {running.part.name:<9} ready after {running.age:.1f} s")
            time.sleep(POLL_SECONDS if waiting else 0)

    def _check_start(self, running: "Running") -> None:
        if self._terminating or not all(other.is_alive for other in self._running.values()):
            raise NotStarted
        part = running.part
        if running.age > part.ready_seconds:
            self._say(f"\n{part.name} did not answer within {part.ready_seconds:.0f} s.{self._quote(part.name)}")
            self.terminate()
            raise NotStarted

    # -- honcho's hooks --------------------------------------------------------------------------

    def _start(self) -> None:
        for number in STOP_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup means: stay
                signal.signal(number, self._asked_to_stop)
        threading.Thread(target=self._run_bring_up, name="bring up").start()

    def _run_bring_up(self) -> None:
        try:
            self._bring_up(self)
        except NotStarted:
            pass  # whoever ended the start has said why, or `terminate` will
        except Exception as error:
            self._say(f"\nThe start failed: {error}")
            self.terminate()
        finally:
            self._brought_up.set()

    def _all_started(self) -> bool:
        return self._brought_up.is_set() and super()._all_started()

    def terminate(self) -> None:
        """Stop everything, in a thread, so that `loop` goes on. Only the first call counts.

        honcho calls this when a part has ended, whatever the reason.
        """
        with self._launching:
            first, self._terminating = not self._terminating, True
        if first:
            self.returncode = 0 if self._asked else self.returncode or 1
            threading.Thread(target=self._stop_in_order, name="stop").start()

    def kill(self) -> None:
        """honcho kills what is left 5 s after the first part's end; here each part has its own time."""

    # -- stopping --------------------------------------------------------------------------------

    def _asked_to_stop(self, _number, _frame) -> None:
        if self._terminating:
            self._hurry.set()
            return
        self._asked = True
        self.terminate()

    def _stop_in_order(self) -> None:
        """The reverse of the start: nobody may ask for an answer that no worker can write any more."""
        self._say("\nStopping. Once more to hurry." if self._asked else self._obituary())
        for running in reversed(self._running.values()):
            if running.is_alive:
                self._stop(running)

    def _stop(self, running: "Running") -> None:
        part, began = running.part, time.monotonic()
        running.process.signal(signal.SIGTERM)
        if not self._ends_by(running, began + TELL_SECONDS) and not self._hurry.is_set():
            self._say(f"  {part.name:<9} is still finishing, for at most {part.stop_seconds:.0f} s")
        if not self._ends_by(running, began + part.stop_seconds):
            running.process.signal(part.hurry_signal)
            running.thread.join(HURRIED_SECONDS)
        how = "killed" if running.is_alive else "stopped"
        running.process.let_go()
        running.thread.join()
        self._say(f"  {part.name:<9} {how} after {time.monotonic() - began:.1f} s")

    def _ends_by(self, running: "Running", deadline: float) -> bool:
        """Wait until the part has ended, the deadline (of time.monotonic) has passed, or a person is in a hurry."""
        while running.is_alive and not self._hurry.is_set() and time.monotonic() < deadline:
            running.thread.join(POLL_SECONDS)
        return not running.is_alive

    def _obituary(self) -> str:
        """Which parts have ended by themselves, and their last words; empty when a start took too long."""
        ended = {name: state["returncode"] for name, state in self._processes.items() if "returncode" in state}
        return "".join(
            f"\n{name} has ended (exit code {code}), so everything stops.{self._quote(name)}"
            for name, code in ended.items()
        )

    def _quote(self, name: str) -> str:
        tail = "".join(f"\n    {line}" for line in self._logs.tail(name))
        return f" Its last lines (all in {self._logs.path(name)}):{tail or ' none'}"
