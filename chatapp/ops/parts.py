"""The parts of a running site: their commands, what they are told, and when they are ready."""

import signal
import sys

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from chatapp.ops import valkey
from chatapp.ops.local_model import KEY_ENV, LocalModel
from chatapp.ops.sockets import answers_ok
from chatapp.ops.supervisor import Part
from runs.models import Worker

EXIT_MARGIN_SECONDS = 5.0  # s on top of the worker's own last resort
CELERY = [sys.executable, "-m", "celery", "-A", "chatapp"]
# Two seconds instead of seven: this is the only worker, there is nobody to greet.
ALONE = ["--without-mingle", "--without-gossip"]


def valkey_part(server: valkey.Valkey) -> Part:
    return Part("valkey", server.command, lambda: valkey.answers(server.url), ready_seconds=20)


def model_part(local: LocalModel) -> Part:
    command = [sys.executable, "-m", "chatapp.ops.model_server", str(local.port)]
    return Part("model", command, lambda: answers_ok("127.0.0.1", local.port, "/health"), env=_env(local=local))


def web_part(host: str, port: int, redis_url: str) -> Part:
    command = [sys.executable, "-m", "daphne", "-b", host, "-p", str(port), "chatapp.asgi:application"]
    asked = loopback_of(host)
    return Part("web", command, lambda: answers_ok(asked, port, reverse("login"), name_for(asked)), env=_env(redis_url))


def worker_part(redis_url: str, local: LocalModel | None) -> Part:
    begin = timezone.now()
    return Part(
        "worker",
        [*CELERY, "worker", "-P", "gevent", *ALONE],
        lambda: Worker.objects.filter(started_at__gte=begin, lease_until__gt=timezone.now()).exists(),
        stop_seconds=settings.DRAIN_SECONDS + settings.EXIT_SECONDS + EXIT_MARGIN_SECONDS,
        hurry_signal=signal.SIGQUIT,  # Celery's cold shutdown: running tasks are interrupted, and say so
        env=_env(redis_url, local),
    )


def beat_part(redis_url: str) -> Part:
    return Part("beat", [*CELERY, "beat", "--pidfile="], env=_env(redis_url))


def loopback_of(host: str) -> str:
    """The address under which this machine itself reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def name_for(host: str) -> str:
    """The name to call the site by: `host` if it answers to it, else the first name it does answer to."""
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
