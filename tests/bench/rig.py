"""Everything the benchmark runs on: PostgreSQL (durable), Valkey, both upstreams, the load generator, this Django."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.levels import Instruments
from tests.bench.orders import Instrument
from tests.bench.systems import ThisSystem
from tests.harness import databases, parts
from tests.harness.facts import wait_until
from tests.harness.processes import Part, kill_all, temporary_directory
from tests.harness.stack import clean_env
from tests.harness.upstream import Upstream

WORKER_CONCURRENCY = "8000"  # more than any level of the search
PREFORK_CHILDREN = "12"  # a child that was terminated is away for up to 5 s
TABLES = "streams_event, runs_run, chats_message, chats_session"


class Rig:
    """The parts that all systems share, and this process's Django on the same database and broker."""

    def __init__(self):
        self.directory = temporary_directory("bench")
        cluster = temporary_directory("bench-postgres")
        parts.make_cluster(cluster)
        self.postgres, url = parts.make_postgres(cluster, durable=True)
        self.base_url = url
        self.env = clean_env(
            DATA_DIR=str(self.directory), DATABASE_URL=f"{url}/postgres", WORKER_CONCURRENCY=WORKER_CONCURRENCY
        )
        self.valkey, self.env["REDIS_URL"] = parts.make_valkey(self.directory, self.env)
        self.upstream_part, upstream_url = parts.make_upstream(self.directory, self.env)
        self.upstream = Upstream(upstream_url)  # for what needs a script

    def start(self) -> None:
        self.postgres.start(), self.valkey.start(), self.upstream_part.start()
        parts.wait_for_postgres(self.postgres)
        parts.wait_for_valkey(self.valkey)
        parts.wait_for_upstream(self.upstream_part)
        databases.migrate(self.env["DATABASE_URL"], self.env)
        self.instruments, self.source_port = open_instruments(self.env)
        self._set_up_django()

    def _set_up_django(self) -> None:
        os.environ |= self.env | {"DATABASE_POOL": "0", "LOG_LEVEL": "WARNING"}
        import django

        django.setup()
        import chatapp.celery  # noqa: F401  (the broker that runs are sent to)
        from tests.harness.stack import ensure_model

        ensure_model(self.upstream)
        ensure_bench_model(self.source_port)

    def make_worker(self, pool: str) -> Part:
        """A worker of this system. Only one may be running: they share a queue."""
        options = ("-c", PREFORK_CHILDREN) if pool == "prefork" else ()
        env = self.env | ({"DATABASE_POOL": "0"} if pool == "prefork" else {})
        return parts.make_worker(pool, self.directory, env, *options, name=f"worker-{pool}")

    def make_system(self, server: str, protocol: str, worker: Part, name: str = "") -> ThisSystem:
        """This system behind its own web server, with the running worker."""
        shared = {"worker": worker, "valkey": self.valkey, "postgres": self.postgres}
        name = f"web-{name}{server}-{protocol}".lower()
        web, url = parts.make_web(server, self.directory, self.env, name=name)
        return ThisSystem(server, protocol, shared, web, url, self.forget)

    def forget(self) -> None:
        """Empty the tables, so that every level starts alike."""
        wait_until(_truncated, "the tables are emptied")


def _truncated() -> bool:
    """Whether it succeeded: it locks all tables, and may be chosen as the victim of a deadlock."""
    from django.db import OperationalError, connection

    try:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {TABLES} CASCADE")
    except OperationalError:
        return False
    return True


def open_instruments(env: dict[str, str]) -> tuple[Instruments, int]:
    """The instruments, and the port of the source."""
    instruments = Instruments(Instrument("tests.bench.source", env), Instrument("tests.bench.load", env))
    return instruments, instruments.source.tell("listen")["port"]


def close_instruments(instruments: Instruments) -> None:
    instruments.crowd.close()
    instruments.source.close()


def ensure_bench_model(port: int) -> None:
    """The model `bench`, at the source."""
    from runs.models import Model, Provider

    address = {"base_url": f"http://127.0.0.1:{port}/v1"}
    provider, _ = Provider.objects.update_or_create(name="bench", defaults=address)
    Model.objects.get_or_create(
        name="bench", defaults={"label": "Bench", "provider": provider, "upstream_id": "bench", "is_default": False}
    )


@contextmanager
def open_rig() -> Iterator[Rig]:
    """A running rig; everything is killed at the end."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rig = Rig()
    try:
        rig.start()
        yield rig
        close_instruments(rig.instruments)
    finally:
        kill_all()
