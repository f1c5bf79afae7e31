"""Checks and set-up of a worker before its pool starts."""

from typing import TYPE_CHECKING, Any

from celery import concurrency, signals
from django.conf import settings
from django.core import checks
from django.db import connections

from runs.checks import TAG
from streams.gevent_compat import is_gevent

if TYPE_CHECKING:  # web servers import this module, too, and need no worker
    from celery.app.utils import Settings
    from celery.worker import WorkController

GEVENT, PREFORK = "gevent", "prefork"
RESERVED_SLOTS = {GEVENT: 20, PREFORK: 1}  # for maintenance tasks; a greenlet costs a few KB, a child 80 MB
UNSUPPORTED_POOL = """\
chatapp does not run on Celery's pool `{pool}`: its tasks cannot be interrupted, so Stop would not stop anything.
Use `-P gevent` (many runs in one process) or `-P prefork` (one run in each child).
"""
NOT_PATCHED = "Select the gevent pool on the command line with `-P gevent`: only then is Python patched in time."


@signals.celeryd_init.connect(dispatch_uid="runs.pool")
def prepare_worker(conf: "Settings", options: dict[str, Any] | None = None, **kwargs: Any) -> None:
    """Refuse to start (exit code 1) on a pool that cannot stop a run, and with settings that lose runs."""
    options = options or {}
    pool = name_of_pool(options.get("pool") or conf.worker_pool)
    if pool not in (GEVENT, PREFORK):
        raise SystemExit(UNSUPPORTED_POOL.format(pool=pool))
    if pool == GEVENT and not is_gevent():
        raise SystemExit(NOT_PATCHED)
    refuse_unsafe_settings()
    if pool == PREFORK:
        disable_connection_pools()
    elif not options.get("concurrency"):
        conf.worker_concurrency = settings.WORKER_CONCURRENCY  # Celery's own default is the number of cores


def name_of_pool(pool: object) -> str:
    """The short name of a pool, given by name or, as by the command line, as a class."""
    module: str = concurrency.get_implementation(pool).__module__
    return module.rpartition(".")[2]


def refuse_unsafe_settings() -> None:
    """Celery runs Django's checks, too, but ignores their results."""
    results = checks.run_checks(tags=[TAG])
    if errors := [str(message) for message in results if message.is_serious()]:
        raise SystemExit("The worker does not start with these settings:\n" + "\n".join(errors))


def disable_connection_pools() -> None:
    """A connection pool does not survive the fork. A child executes one run at a time and needs one connection."""
    for connection in connections.all():
        if connection.settings_dict.get("OPTIONS", {}).get("pool"):
            connection.close()
            connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's; others have no pool
            del connection.settings_dict["OPTIONS"]["pool"]


@signals.worker_init.connect(dispatch_uid="runs.worker.capacity")
def reserve_slots(sender: "WorkController", **kwargs: Any) -> None:
    """Add the slots for maintenance: `--concurrency` is the number of runs."""
    if isinstance(sender.concurrency, int):
        sender.concurrency += reserved_slots(sender)


def reserved_slots(worker: "WorkController") -> int:
    """How many slots of the pool are not for runs; 0 if the worker does not both execute runs and do maintenance."""
    if not set(worker.app.amqp.queues.consume_from) > {settings.UPKEEP_QUEUE}:
        return 0
    return RESERVED_SLOTS[name_of_pool(worker.pool_cls)]
