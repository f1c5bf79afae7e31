"""Which of Celery's pools carry runs, and how a worker is set up before its pool starts."""

from celery import concurrency, signals
from django.conf import settings
from django.core import checks
from django.db import connections

from runs.checks import TAG
from streams.gevent_compat import is_gevent

GEVENT, PREFORK = "gevent", "prefork"
RESERVED_SLOTS = {GEVENT: 20, PREFORK: 1}  # for upkeep; a greenlet costs a few KB, a child 80 MB
REFUSED = """\
chatapp does not run on Celery's pool `{pool}`: a task on it cannot be interrupted, so Stop would not stop anything.
Use `-P gevent` (many runs in one process) or `-P prefork` (one run in each child).
"""
UNPATCHED = (
    "The gevent pool has to be chosen on the command line, with `-P gevent`: only then is Python patched in time."
)


@signals.celeryd_init.connect(dispatch_uid="runs.pool")
def prepare_worker(conf=None, options=None, **kwargs) -> None:
    """Refuse to start (exit code 1) on a pool that can't stop a run, and with settings that lose runs."""
    options = options or {}
    pool = name_of_pool(options.get("pool") or conf.worker_pool)
    if pool not in (GEVENT, PREFORK):
        raise SystemExit(REFUSED.format(pool=pool))
    if pool == GEVENT and not is_gevent():
        raise SystemExit(UNPATCHED)
    refuse_unsafe_settings()
    if pool == PREFORK:
        share_no_connections()
    elif not options.get("concurrency"):
        conf.worker_concurrency = settings.WORKER_CONCURRENCY  # Celery's own default is the number of cores


def name_of_pool(pool: object) -> str:
    """The short name of a pool that is given by name or, as from the command line, as a class."""
    return concurrency.get_implementation(pool).__module__.rpartition(".")[2]


def refuse_unsafe_settings() -> None:
    """Celery runs Django's checks, too, but does not look at what they say."""
    found = checks.run_checks(tags=[TAG])
    if errors := [str(message) for message in found if message.is_serious()]:
        raise SystemExit("The worker does not start with these settings:\n" + "\n".join(errors))


def share_no_connections() -> None:
    """A pool of connections does not survive the fork. A child carries one run: one connection is all it needs."""
    for connection in connections.all():
        if connection.settings_dict.get("OPTIONS", {}).get("pool"):
            connection.close()
            connection.close_pool()
            del connection.settings_dict["OPTIONS"]["pool"]


@signals.worker_init.connect(dispatch_uid="runs.worker.capacity")
def add_slots_for_upkeep(sender=None, **kwargs) -> None:
    """`--concurrency` is the number of runs; slots for upkeep come on top, where the worker does both."""
    worker = sender
    worker.reserved_slots = 0
    if set(worker.app.amqp.queues.consume_from) > {settings.UPKEEP_QUEUE}:
        worker.reserved_slots = RESERVED_SLOTS[name_of_pool(worker.pool_cls)]
        if isinstance(worker.concurrency, int):
            worker.concurrency += worker.reserved_slots
