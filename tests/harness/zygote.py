"""Starts parts by fork from a process that has imported their libraries already: a third of the CPU time of a start.

A part is still a process of its own, with its own session, environment and log, and runs the very module that
`python -m` would. Nothing of this site is imported before the fork, so that settings are read from the part's own
environment. `Zygote` is the tests' side; the rest runs in the process that forks (`python -m tests.harness.zygote`).
"""

import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time

from tests.harness.facts import pause_after

MODULES = {"celery", "daphne", "uvicorn"}  # what `python -m` starts
MANAGE = "manage.py"
ENVIRONMENT = {"PYTHONUNBUFFERED"}  # of PYTHON…: the others are read when an interpreter starts, which a fork is not
LIBRARIES = """
asyncio email.mime.text importlib.metadata unittest.mock xml.dom.minidom zoneinfo
django.conf django.contrib.admin.options django.contrib.admin.sites django.core.handlers.asgi django.core.management
django.core.serializers.json django.db.models django.db.backends.postgresql.base django.db.migrations.executor
django.forms django.test django.views.generic
celery.app.base celery.app.trace celery.apps.beat celery.apps.worker celery.bin.celery celery.bin.beat
celery.bin.worker celery.concurrency.prefork celery.contrib.testing celery.events.state celery.fixups.django
celery.worker.components celery.worker.consumer celery.worker.control kombu.transport.redis
channels channels.layers channels_redis.core channels_redis.pubsub
drf_spectacular.drainage health_check limits.storage.redis prompt_toolkit structlog requests redis.asyncio.client
psycopg psycopg.types.json psycopg_pool prometheus_client rest_framework.fields uvloop orjson httptools
asgiref.typing celery.app.amqp celery.app.control celery.app.log
celery.worker.consumer.delayed_delivery channels.routing cronsim csp.middleware
django.contrib.admin.templatetags.admin_list django.contrib.admin.templatetags.admin_modify
django.contrib.admindocs.views django.contrib.auth.password_validation django.contrib.sessions.backends.db
django.contrib.staticfiles.storage django.core.cache.backends.locmem django.core.management.commands.migrate
django.db.backends.sqlite3.base django.templatetags.tz django_structlog.middlewares.request drf_spectacular.types
drf_spectacular.utils environ health_check.views rest_framework.authentication rest_framework.request
rest_framework.serializers servestatic.middleware servestatic.storage uuid_utils.compat xml.sax.handler
"""
GEVENT = " celery.concurrency.gevent"  # elsewhere its hub would take the signals of children from the pool of prefork
# Not daphne: it makes twisted's reactor when it is imported, and processes that share one steal each other's wake-ups.
WEB_SERVERS = " autobahn.twisted.websocket twisted.web.http uvicorn.main websockets"
SHARED = ("anon_inode:[eventpoll]", "socket:", "anon_inode:[eventfd]")  # what no two processes may have in common


class Zygote:
    """The process that forks, started with the first part. `is_gevent`: one with gevent's patches in place."""

    def __init__(self, *, is_gevent: bool):
        self._is_gevent, self._process = is_gevent, None
        self._lock = threading.Lock()  # tests start parts from several threads; each order has its own answer

    def start(self, argv: list[str], env: dict[str, str], out: str, err: str) -> "Forked":
        """Start it with its output appended to these files."""
        return Forked(self, self._ask(argv=argv, env=env, out=out, err=err))

    def run(self, argv: list[str], env: dict[str, str], timeout: float) -> subprocess.CompletedProcess:
        """As `subprocess.run` with text captured; with a limit in seconds, after which it is killed."""
        with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
            process = self.start(argv, env, out.name, err.name)
            try:
                process.wait(timeout)
            finally:
                process.kill()
            return subprocess.CompletedProcess(argv, process.wait(), out.read().decode(), err.read().decode())

    def poll(self, pid: int) -> int | None:
        return self._ask(poll=pid)

    def _ask(self, **order) -> int | None:
        with self._lock:
            process = self._process = self._process or self._fork_server()
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

    def _fork_server(self) -> subprocess.Popen:
        argv = [sys.executable, "-m", __name__, *(["gevent"] if self._is_gevent else [])]
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DJANGO"))}
        env["PYTHONUNBUFFERED"] = "1"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen(argv, cwd=ROOT, env=env, start_new_session=True, **pipes)

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None


class Forked:
    """A process that a zygote has forked, with as much of `subprocess.Popen` as parts need."""

    def __init__(self, zygote: Zygote, pid: int):
        self._zygote, self.pid, self.returncode = zygote, pid, None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._zygote.poll(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        start = time.monotonic()
        while self.poll() is None:
            waited = time.monotonic() - start
            if timeout is not None and waited > timeout:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            time.sleep(pause_after(waited))
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def can_fork(argv: list[str], env: dict[str, str]) -> bool:
    """Whether a fork is the same as `argv` executed."""
    is_module = argv[:2] == [sys.executable, "-m"] and argv[2] in MODULES
    is_ours = is_module or argv[:2] == [sys.executable, MANAGE]
    read_at_start = {name for name in env if name.startswith(("PYTHON", "LD_"))} - ENVIRONMENT
    return is_ours and not read_at_start - {"LD_LIBRARY_PATH"}


# -- in the process that forks ---------------------------------------------------------------------

fork, waitpid = os.fork, os.waitpid  # before gevent replaces them by its own, which would start its loop here


def main() -> None:
    if "gevent" in sys.argv:
        import gevent.monkey

        gevent.monkey.patch_all()
    names = LIBRARIES + (GEVENT if "gevent" in sys.argv else WEB_SERVERS)
    inherited = _open_files()
    for name in names.split():
        importlib.import_module(name)
    opened = [file for file in _open_files() - inherited if file.startswith(SHARED)]
    if opened and "gevent" not in sys.argv:  # gevent's loop is made anew in each fork: `_become`
        sys.exit(f"a library opens what every fork would share: {opened}")
    if "gevent" in sys.modules and "gevent" not in sys.argv:
        sys.exit("a library imports gevent, whose loop takes SIGCHLD from a prefork worker: it hears of no child's end")
    gc.collect()
    gc.freeze()  # so that no collection in a child touches, and thereby copies, these objects
    orders, answers = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)
    buffer = b""
    while data := os.read(orders, 1 << 20):
        *lines, buffer = (buffer + data).split(b"\n")
        for order in map(json.loads, lines):
            if "poll" in order:
                answer = _poll(order["poll"])
            elif (answer := fork()) == 0:
                os.close(orders)
                os.close(answers)
                return _become(**order)
            else:
                _wait_for_session(answer)
            os.write(answers, json.dumps(answer).encode() + b"\n")


def _open_files() -> set[str]:
    """This process's open files, by Linux' names."""
    paths = (f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd"))
    return {os.readlink(path) for path in paths if os.path.lexists(path)}


def _poll(pid: int) -> int | None:
    ended, status = waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _wait_for_session(pid: int) -> None:
    """Until the child leads a group, nothing could kill it as one."""
    while os.getpgid(pid) != pid:
        os.sched_yield()


def _become(argv: list[str], env: dict[str, str], out: str, err: str) -> None:
    """In the child: reset the process as `exec` would, then run the program."""
    os.setsid()
    if "gevent" in sys.modules:
        sys.modules["gevent"].reinit()
    for descriptor, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    os.environ.clear()
    os.environ.update(env)
    sys.path[0] = ROOT
    _set_name(argv)
    if argv[1] == MANAGE:
        sys.argv[:] = argv[1:]
        runpy.run_path(MANAGE, run_name="__main__")
    else:
        sys.argv[:] = ["", *argv[3:]]
        runpy.run_module(argv[2], run_name="__main__", alter_sys=True)


def _set_name(argv: list[str]) -> None:
    """What `top` calls this process, in the 15 bytes that Linux keeps: `gevent worker`, `beat`, `daphne`, `migrate`."""
    name = " ".join(argv[2:3])
    if name == "celery":
        pool = [argv[argv.index("-P") + 1]] if "-P" in argv else []
        name = " ".join([*pool, *[word for word in argv[5:] if not word.startswith("-")][:1]])
    with open("/proc/self/comm", "w") as comm:
        comm.write(name)


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

if __name__ == "__main__":
    main()
