"""Start the parts in order, each kept running by a `PartSupervisor`, and stop them in reverse order.

A part that ends is restarted (docs/adr/0021). Everything stops on a signal, when a part fails to start several times in
a row, or when the start of the site fails.
"""

import signal
import threading
import time
from collections.abc import Callable

from chatapp.ops.part_logs import Logs
from chatapp.ops.part_supervisor import POLL_SECONDS, Part, PartSupervisor

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class NotStarted(Exception):
    """The supervisor is stopping."""


class Supervisor:
    """`bring_up` is called in a thread of its own and calls `launch` and `wait_for`; `loop` blocks until the end.

    Then `returncode` is 0 if a signal ended it, else not.
    """

    def __init__(self, logs: Logs, print_line: Callable[[str], None], bring_up: Callable[["Supervisor"], None]):
        self.returncode = 0
        self._logs, self._print, self._bring_up = logs, print_line, bring_up
        self._supervisors: dict[str, PartSupervisor] = {}  # in the order of their start
        self._launching = threading.Lock()
        self._stopping, self._hurry, self._over = threading.Event(), threading.Event(), threading.Event()
        self._has_begun_to_stop = threading.Lock()  # acquired once, never released
        self._bringing_up = threading.Thread(target=self._run_bring_up, name="bring up")

    def loop(self) -> None:
        """Run until everything has ended. Call it in the main thread, which gets the signals."""
        for number in STOP_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # respect nohup
                signal.signal(number, self._on_signal)
        self._bringing_up.start()
        self._over.wait()

    # -- starting ----------------------------------------------------------------------------------

    def launch(self, part: Part) -> None:
        """Start a part and keep it running. Raises NotStarted while stopping."""
        with self._launching:
            if self._stopping.is_set():
                raise NotStarted
            supervisor = PartSupervisor(part, self._logs, self._print, self._stopping, self._give_up)
            self._supervisors[part.name] = supervisor
            supervisor.start()

    def wait_for(self, *parts: Part) -> None:
        """Wait until all of them are ready. Raises NotStarted."""
        waiting = [self._supervisors[part.name] for part in parts]
        while not all(supervisor.is_ready for supervisor in waiting):
            if self._stopping.is_set():
                raise NotStarted
            time.sleep(POLL_SECONDS)

    def _run_bring_up(self) -> None:
        try:
            self._bring_up(self)
        except NotStarted:
            pass  # the cause was already reported
        except Exception as error:
            self._end(1, f"\nThe start failed: {error}")

    # -- stopping ----------------------------------------------------------------------------------

    def _on_signal(self, _number, _frame) -> None:
        """Only starts a thread: the main thread may hold any lock at this moment."""
        if self._stopping.is_set():
            self._hurry.set()
        else:
            self._end(0, "\nStopping. Press Ctrl-C again to hurry.")

    def _give_up(self, supervisor: PartSupervisor) -> None:
        self._end(supervisor.code or 1, f"\n{supervisor.failure}, so everything stops.{supervisor.last_lines()}")

    def _end(self, returncode: int, reason: str) -> None:
        """Stop everything, in a thread. Only the first call counts."""
        if self._has_begun_to_stop.acquire(blocking=False):
            self.returncode = returncode
            self._stopping.set()
            threading.Thread(target=self._stop_in_order, args=(reason,), name="stop").start()

    def _stop_in_order(self, reason: str) -> None:
        """Stop in reverse order: the web server first, so that no message is accepted without a worker."""
        self._print(reason)
        with self._launching:
            supervisors = list(self._supervisors.values())
        for supervisor in reversed(supervisors):
            supervisor.stop(self._hurry)
        self._bringing_up.join()
        self._over.set()
