"""A worker's renderer: one process (`python -m runs.rendering`) that is killed when it takes too long over a text.

It is started with the first text, and ends when it has had nothing to do, with its worker, or with the text that is too
much for it; the next text starts another one. It is spawned past gevent, which would fork the whole worker; the socket
to it is an ordinary one, so that on gevent only the greenlet that waits for it waits. One thread (greenlet) uses it.
"""

import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress

from runs.rendering.frames import Flag, read_frame, write_frame
from streams.gevent_compat import unpatched

SECONDS = 30.0  # s by the clock for one text; what is too much for the renderer's CPU_SECONDS has ended before
REAP_SECONDS = 1.0  # s a killed process may take to be gone; a zombie that is left is reaped with the next one
INHERITED = ("PATH", "LANG", "LD_LIBRARY_PATH")  # it needs no secrets


class Killed(Exception):
    """The renderer has ended, or was ended, over this text."""


class Renderer:
    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._channel: socket.socket | None = None
        self._unreaped: list[_Process] = []

    @property
    def pid(self) -> int | None:
        """The process's, while there is one."""
        return self._unreaped[-1].pid if self._channel else None

    def render(self, text: str, highlights: bool = True) -> str:
        """The HTML of `text`. Raises Killed, or OSError if no process can be started."""
        channel = self._open()
        deadline = time.monotonic() + self._seconds
        is_over = True
        try:
            write_frame(channel, Flag.HIGHLIGHTS if highlights else Flag(0), text, deadline)
            answer = read_frame(channel, deadline)
            if answer is None:
                raise Killed
            flags, html = answer
            is_over = bool(flags & Flag.LAST)
            return html
        except OSError as error:
            raise Killed from error
        finally:  # also when this greenlet is killed: half an answer would be taken for the next one's
            if is_over:
                self.close()

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._channel is None:
            return
        self._channel.close()
        self._channel = None
        self._unreaped[-1].kill()
        self._unreaped = [process for process in self._unreaped if not process.reap()]

    def _open(self) -> socket.socket:
        """The socket to the process, which is started unless there is one that lives."""
        if self._channel is not None and select.select([self._channel], [], [], 0)[0]:
            self.close()  # it has nothing to say unasked: it has ended
        if self._channel is None:
            ours, theirs = socket.socketpair()
            try:
                self._unreaped.append(_Process(theirs))
            except BaseException:
                ours.close()
                raise
            finally:
                theirs.close()
            self._channel = ours
        return self._channel


class _Process:
    """Told apart by a descriptor where the system has them: a number may be another process's by now."""

    def __init__(self, channel: socket.socket) -> None:
        env = {name: os.environ[name] for name in INHERITED if name in os.environ}
        env["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        self.pid = unpatched("os", "posix_spawn")(
            sys.executable,
            [sys.executable, "-P", "-m", "runs.rendering"],
            env,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, channel.fileno(), 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            ],
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGXCPU],
        )
        self._descriptor = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else None

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            if self._descriptor is not None:
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            else:
                os.kill(self.pid, signal.SIGKILL)

    def reap(self) -> bool:
        """Wait a moment for its end. Returns whether nothing is left of it."""
        if self._descriptor is not None:
            select.select([self._descriptor], [], [], REAP_SECONDS)
        try:
            what = (os.P_PID, self.pid) if self._descriptor is None else (os.P_PIDFD, self._descriptor)
            options = os.WEXITED | (0 if self._descriptor is None else os.WNOHANG)
            if os.waitid(*what, options) is None:
                return False
        except ChildProcessError:  # gevent's own watch over children was quicker
            pass
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        return True
