"""The parts of a campaign: a stack with two workers, two web processes, beat and a database that may be killed."""

import os
import signal
import threading
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import psycopg
import redis
from celery import Celery

from tests.harness import parts
from tests.harness.databases import PostgresDatabases, SqliteDatabases
from tests.harness.facts import wait_until
from tests.harness.parts import get_json
from tests.harness.processes import Part, temporary_directory
from tests.harness.stack import Stack, clean_env
from tests.harness.upstream import Upstream

# Short leases, sweeps and limits, so that an episode needs seconds; s
LEASE, SWEEP, IDLE, DRAIN, EXIT, REDISPATCH, VIEWER = 2.0, 0.5, 30.0, 2.0, 8.0, 3.0, 3.0
ENV = {
    "LEASE_SECONDS": str(LEASE),
    "LEASE_RENEW_SECONDS": "0.5",
    "STREAMS_SWEEP_SECONDS": str(SWEEP),
    "RUN_IDLE_SECONDS": str(IDLE),
    "VIEWER_SECONDS": str(VIEWER),
    "STREAMS_RETURN_SECONDS": "1",
    "DRAIN_SECONDS": str(DRAIN),
    "EXIT_SECONDS": str(EXIT),
    "REDISPATCH_SECONDS": str(REDISPATCH),
    "UPSTREAM_RETRY_SECONDS": "0.3",
    "USER_MAX_SENDS": "100000",
    "USER_MAX_RUNS": "100000",
    "WORKER_CONCURRENCY": "50",
}
EXIT_SECONDS = EXIT + 2  # s a worker may take beyond its drain deadline
PREFORK_CHILDREN = "3"


class MortalUpstream(Upstream):
    """The scripted upstream; its record of connections outlives its process."""

    def __init__(self, url: str):
        super().__init__(url)
        self._earlier: dict[str, list[dict]] = defaultdict(list)

    def kill(self, part: Part) -> None:
        remembered = get_json(f"{self.url}/connections")
        part.kill()
        for connection in remembered:
            self._earlier[connection["tag"]].append(connection | {"ended": connection["ended"] or "killed"})

    def connections(self, tag: str) -> list[dict]:
        return self._earlier[tag] + super().connections(tag)


class Town(Stack):
    """All parts that faults may hit. `webs` and `workers` are pairs of parts, `urls` the webs' addresses."""

    def __init__(self, database: str, pool: str):
        directory = temporary_directory("faults-database")
        kinds = {"sqlite": SqliteDatabases, "postgres": lambda path: PostgresDatabases(path, durable=True)}
        self.upstream_part, upstream_url = parts.make_upstream(directory, clean_env())
        options = ("-c", PREFORK_CHILDREN) if pool == "prefork" else ()
        super().__init__(
            "faults", kinds[database](directory), MortalUpstream(upstream_url), pool=pool, worker_options=options, **ENV
        )
        second_web, second_url = parts.make_web("daphne", self.directory, self.env, name="web2")
        self.webs, self.urls = [self.web, second_web], [self.url, second_url]
        self.workers = [self.worker, self.make_worker("worker2", *options)]
        self.is_postgres = database == "postgres"
        self.locks = {part: threading.Lock() for part in (*self.parts, self.upstream_part)}
        self.orphaned_groups: list[int] = []

    @property
    def postgres(self) -> Part | None:
        return self.databases.part if self.is_postgres else None

    @property
    def parts(self) -> list[Part]:
        return [part for part in (self.postgres, self.valkey, *self.webs, *self.workers, self.beat) if part]

    def start(self, *only: str) -> "Town":
        self.start_again(self.upstream_part)
        self.make_data()
        self._start_parts()
        return self

    def _start_parts(self) -> None:
        self.start_again(self.valkey)
        for part in (*self.webs, *self.workers, self.beat):
            part.start()
        for part in (*self.webs, *self.workers):
            self.wait_for(part)

    def start_again(self, part: Part) -> None:
        """Start a part that has ended, and wait until it is up."""
        if part is self.postgres:
            self._recover_postgres()
        elif part is self.upstream_part:
            part.start()
            parts.wait_for_upstream(part)
        else:
            part.start()
            self.wait_for(part)

    def _recover_postgres(self) -> None:
        """A postmaster refuses to start while backends of its killed predecessor are still going away."""

        def is_up() -> bool:
            if not self.postgres.is_alive:
                self.postgres.kill()
                self.postgres.start()
            with suppress(psycopg.OperationalError):
                psycopg.connect(f"{self.databases.base_url}/postgres", connect_timeout=1).close()
                return self.postgres.is_alive
            return False

        wait_until(is_up, "PostgreSQL recovers", 60)

    def wait_for(self, part: Part) -> None:
        if part in self.webs:
            parts.wait_for_web(part, self.urls[self.webs.index(part)])
        else:
            super().wait_for(part)

    def kill(self) -> None:
        for part in reversed(self.parts):
            with suppress(ProcessLookupError):
                part.kill()
        self.upstream_part.kill()
        self._kill_orphans()

    def _kill_orphans(self) -> None:
        for group in self.orphaned_groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        self.orphaned_groups.clear()

    def renew(self) -> None:
        """Fresh processes on the same database, after something went wrong."""
        for part in self.parts:
            if part is not self.postgres:
                part.kill()
        self._kill_orphans()
        self._start_parts()

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis_url, socket_timeout=2, socket_connect_timeout=1)

    def celery_app(self) -> Celery:
        """Another program that sends commands to the workers, such as Flower or a shell."""
        from django.conf import settings

        app = Celery("outside", broker=self.redis_url, set_as_current=False)
        app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        return app


def children_of(part: Part) -> list[int]:
    """The processes a part has forked."""
    found = Path(f"/proc/{part.pid}/task/{part.pid}/children")
    return [int(word) for word in found.read_text().split()]
