"""The readiness checks of a site, for `/readyz` and `manage.py doctor`."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import redis
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now
from health_check import checks
from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable

from runs import clock
from runs.models import Report, Worker

REDIS_SECONDS = 2.0  # s; time limit of Redis' response
UPKEEP_SECONDS = 30.0  # s: ten times as long as beat takes between two calls
HEAL_ALARM = timedelta(days=8)  # an older result is ignored


class Part(HealthCheck):
    """One dependency of the site. `remedy` says what to do if it is missing."""

    name = ""
    remedy = ""

    def run(self) -> None:
        """Raise ServiceUnavailable with the fault. Closes the database connection: it runs in a thread of its own."""
        try:
            self.verify()
        except DatabaseError as error:
            raise ServiceUnavailable("the database does not respond") from error
        finally:
            close_old_connections()

    def verify(self) -> None:
        raise NotImplementedError


@dataclass
class Database(Part):
    name = "database"
    remedy = "Check DATABASE_URL, and that the server is running."

    def verify(self):
        checks.Database().run()


@dataclass
class Migrations(Part):
    name = "migrations"
    remedy = f"Run: {settings.COMMAND} migrate"

    def verify(self):
        missing = _known_migrations() - set(MigrationRecorder(connection).applied_migrations())
        if missing:
            raise ServiceUnavailable(f"{len(missing)} not applied, {'.'.join(sorted(missing)[0])} among them")


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations)


@dataclass
class Redis(Part):
    name = "redis"
    remedy = "Check REDIS_URL, and that the server is running."

    def verify(self):
        patience = {"socket_timeout": REDIS_SECONDS, "socket_connect_timeout": REDIS_SECONDS}
        try:
            with redis.Redis.from_url(settings.REDIS_URL, **patience) as client:
                client.ping()
        except (redis.RedisError, OSError) as error:
            raise ServiceUnavailable(f"no answer ({type(error).__name__})") from error


@dataclass
class Workers(Part):
    name = "workers"
    remedy = (
        "Start one: celery -A chatapp worker -P gevent (with -Q for the missing queues). "
        "`make run` restarts it automatically: see its output and DATA_DIR/log/worker.log"
    )

    def verify(self):
        alive = Worker.objects.filter(lease_until__gte=Now()).values_list("queues", flat=True)
        served = {queue for queues in alive for queue in queues}
        if missing := sorted(settings.CELERY_TASK_QUEUES.keys() - served):
            raise ServiceUnavailable(f"no worker serves {', '.join(missing)}")


@dataclass
class Upkeep(Part):
    """Needs both beat, which sends the task, and a worker, which runs it."""

    name = "upkeep"
    remedy = (
        "Start beat, once: celery -A chatapp beat. And a worker that serves the queue upkeep. "
        "`make run` restarts both automatically: see its output and DATA_DIR/log/beat.log"
    )

    def verify(self):
        last = Report.objects.filter(pk="upkeep").first()
        if last is None:
            raise ServiceUnavailable("beat has not run yet")
        age = (clock.read() - last.at).total_seconds()
        if age > UPKEEP_SECONDS:
            raise ServiceUnavailable(f"last run {age:.0f} s ago; beat or its worker is down")


@dataclass
class Healed(Part):
    """The last result of `manage.py heal`. A site where it never ran counts as healthy."""

    name = "heal"
    remedy = f"Run: {settings.COMMAND} heal --repair"

    def verify(self):
        last = Report.objects.filter(pk="heal", at__gte=clock.now() - HEAL_ALARM).first()
        if last is not None and last.data.get("open"):
            raise ServiceUnavailable(f"{last.data['open']} problems are not repaired")


CHECKS: list[type[Part]] = [Database, Migrations, Redis, Workers, Upkeep, Healed]
