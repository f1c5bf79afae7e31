"""Run one part so that it never outlives the supervisor: `python pipe_guard.py COMMAND …`.

The supervisor holds the other end of our stdin and never writes. However it ends, kill -9 included, the
kernel closes that pipe; then the part's whole process group is killed. The part gets a group of its own, so that
Ctrl-C in the terminal reaches the supervisor alone, which decides the order. Standard library only, no package
imports: this file is run by its path, and starts in a few milliseconds.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1  # linux/prctl.h


class PipeGuard:
    def __init__(self):
        self.part = None

    def hold(self, command: list[str]) -> int:
        """Run `command` to its end and return its exit code as a shell would (128 + signal)."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self._pass_on)
        try:
            self.part = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_kill_with_parent()
            )
        except OSError as error:
            print(f"cannot start {command[0]}: {error.strerror}")
            return 127
        threading.Thread(target=self._watch_supervisor, daemon=True).start()
        code = self.part.wait()
        self._kill_group()  # processes left behind by the part
        return code if code >= 0 else 128 - code

    def _pass_on(self, number, _frame):
        """Signal the part alone, not its group: a Celery worker signals its own children."""
        if self.part is None:
            sys.exit(128 + number)
        self.part.send_signal(number)

    def _watch_supervisor(self):
        while os.read(0, 1):
            pass
        self._kill_group()

    def _kill_group(self):
        try:
            os.killpg(self.part.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def _kill_with_parent():
    """Kill the part if the guard itself is killed with -9. Linux only."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(PipeGuard().hold(sys.argv[1:]))
