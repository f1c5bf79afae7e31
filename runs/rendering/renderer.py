"""A worker's renderer: a process (`python -m runs.rendering`) that is killed when a text takes too long.

The first text starts it. It ends when it is idle, with its worker, or with a text that takes too much; the next text
starts another one. It is spawned without gevent, which would fork the whole worker. The socket to it is an ordinary
one, so that on gevent only the greenlet that reads from it waits. Use a renderer from one thread or greenlet only.
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

TIMEOUT_SECONDS = 30.0  # s of wall-clock time for one text; its CPU_SECONDS are usually used up before
REAP_SECONDS = 1.0  # s to wait for a killed process; a zombie that is left is reaped with the next one
INHERITED = ("PATH", "LANG", "LD_LIBRARY_PATH")  # environment variables of the process; it gets no secrets


class RendererKilled(Exception):
    """The renderer ended, or was killed, while it rendered this text."""


class Renderer:
    """Renders texts in a child process."""

    def __init__(self, seconds: float = TIMEOUT_SECONDS) -> None:
        self._seconds = seconds
        self._channel: socket.socket | None = None
        self._unreaped: list[_Process] = []

    @property
    def pid(self) -> int | None:
        """The process's id; None while there is no process."""
        return self._unreaped[-1].pid if self._channel else None

    def render(self, text: str, highlights: bool = True) -> str:
        """Return the HTML of `text`. Raises RendererKilled, or OSError if no process can be started."""
        channel = self._open()
        deadline = time.monotonic() + self._seconds
        must_close = True
        try:
            write_frame(channel, Flag.HIGHLIGHTS if highlights else Flag(0), text, deadline)
            response = read_frame(channel, deadline)
            if response is None:
                raise RendererKilled
            flags, html = response
            must_close = bool(flags & Flag.LAST)
            return html
        except OSError as error:
            raise RendererKilled from error
        finally:  # also if this greenlet is killed: the rest of the response would be read as the next one
            if must_close:
                self.close()

    def close(self) -> None:
        """Kill the process, whatever it does."""
        if self._channel is None:
            return
        self._channel.close()
        self._channel = None
        self._unreaped[-1].kill()
        self._unreaped = [process for process in self._unreaped if not process.reap()]

    def _open(self) -> socket.socket:
        """The socket to the process, which is started if none is alive."""
        if self._channel is not None and select.select([self._channel], [], [], 0)[0]:
            self.close()  # readable without a request: it has ended
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
    """A child process, identified by a pidfd where the system has them: a pid may belong to another process by now."""

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
        """Wait a moment for the process to end. Returns whether it is reaped."""
        if self._descriptor is not None:
            select.select([self._descriptor], [], [], REAP_SECONDS)
        try:
            id_type, id_ = (os.P_PID, self.pid) if self._descriptor is None else (os.P_PIDFD, self._descriptor)
            options = os.WEXITED | (0 if self._descriptor is None else os.WNOHANG)
            if os.waitid(id_type, id_, options) is None:
                return False
        except ChildProcessError:  # gevent's child watcher has reaped it
            pass
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        return True
