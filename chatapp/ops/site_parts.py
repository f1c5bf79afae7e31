"""The parts of a running site: commands, environment, and readiness checks."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.models.functions import Now
from django.urls import reverse

from chatapp.ops import valkey
from chatapp.ops.local_model import KEY_ENV, LocalModel
from chatapp.ops.network_probes import responds_ok
from chatapp.ops.part_supervisor import Part
from runs.models import Worker

EXIT_MARGIN_SECONDS = 5.0  # s on top of the worker's own last resort
CELERY = [sys.executable, "-m", "celery", "-A", "chatapp"]
# Starts in two seconds instead of seven: this is the only worker.
WITHOUT_CLUSTER = ["--without-mingle", "--without-gossip"]


def valkey_part(server: valkey.Valkey) -> Part:
    return Part("valkey", server.command, lambda: valkey.responds(server.url), ready_seconds=20)


def model_part(local: LocalModel) -> Part:
    command = [sys.executable, "-m", "chatapp.ops.model_server", str(local.port)]
    return Part("model", command, lambda: responds_ok("127.0.0.1", local.port, "/health"), env=_env(local=local))


def web_part(host: str, port: int, redis_url: str) -> Part:
    command = [sys.executable, "-m", "daphne", "-b", host, "-p", str(port), "chatapp.asgi:application"]
    probe_host = loopback_of(host)

    def is_ready() -> bool:
        return responds_ok(probe_host, port, reverse("login"), name_for(probe_host))

    return Part("web", command, is_ready, env=_env(redis_url))


def worker_part(redis_url: str, local: LocalModel | None) -> Part:
    has_new, remember = new_worker()
    return Part(
        "worker",
        [*CELERY, "worker", "-P", "gevent", *WITHOUT_CLUSTER],
        has_new,
        before_start=remember,
        stop_seconds=settings.DRAIN_SECONDS + settings.EXIT_SECONDS + EXIT_MARGIN_SECONDS,
        hurry_signal=signal.SIGQUIT,  # Celery's cold shutdown: running tasks are interrupted, and say so
        env=_env(redis_url, local),
        substitute=[sys.executable, "-m", "chatapp", "reap_runs"],
        substitute_seconds=settings.LEASE_SECONDS / 2,
    )


def new_worker() -> tuple[Callable[[], bool], Callable[[], None]]:
    """Two functions: whether a worker has taken a lease since the last start, and what to call before each start.

    A killed worker keeps its lease for some seconds, so only new rows count. Both are called in the thread of the
    part's supervisor, and close their database connection.
    """
    known: set[object] = set()

    def new() -> set[object]:
        try:
            return set(Worker.objects.filter(lease_until__gt=Now()).values_list("pk", flat=True)) - known
        except DatabaseError:  # briefly unavailable: no reason to give up the part
            return set()
        finally:
            connections.close_all()

    def has_new() -> bool:
        if workers := new():
            known.update(workers)
        return bool(workers)

    return has_new, lambda: known.update(new())


def beat_part(redis_url: str) -> Part:
    """Beat is ready once it has opened its schedule file, which it writes immediately."""
    schedule = Path(settings.CELERY_BEAT_SCHEDULE_FILENAME)
    began = 0.0

    def remember() -> None:
        nonlocal began
        began = time.time()

    def has_opened_its_file() -> bool:  # dbm chooses the file's suffix
        return any(path.stat().st_mtime >= began for path in schedule.parent.glob(f"{schedule.name}*"))

    return Part(
        "beat", [*CELERY, "beat", "--pidfile="], has_opened_its_file, before_start=remember, env=_env(redis_url)
    )


def loopback_of(host: str) -> str:
    """The address by which this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def name_for(host: str) -> str:
    """The host name for requests to the site: `host` if it is allowed, else the first of ALLOWED_HOSTS."""
    literal = f"[{host}]" if ":" in host else host
    allowed = settings.ALLOWED_HOSTS or [literal]
    return literal if literal in allowed or "*" in allowed else allowed[0].lstrip(".")


def _env(redis_url: str = "", local: LocalModel | None = None) -> dict[str, str]:
    env = {"DATA_DIR": str(settings.DATA_DIR), "PYTHONUNBUFFERED": "1"}
    if redis_url:
        env["REDIS_URL"] = redis_url
    if local:
        env[KEY_ENV] = local.key
    return env
