"""Everything the benchmark runs on: PostgreSQL (durable), Valkey, the upstream and the load generator."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.harness import databases, parts
from tests.harness.processes import ROOT, Part, kill_all, temporary_directory
from tests.harness.stack import clean_env
from tests.harness.upstream import Upstream

WORKER_CONCURRENCY = "8000"  # more than any level of the search


class Crowd:
    """The parent's end of the load generator (`load.py`)."""

    def __init__(self, env: dict[str, str]):
        argv = [sys.executable, "-m", "tests.bench.load"]
        self.process = subprocess.Popen(
            argv, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def tell(self, do: str, **order) -> dict:
        self.begin(do, **order)
        return self.answer()

    def begin(self, do: str, **order) -> None:
        self.process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict:
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise ConnectionError(answer["error"])
        return answer

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Rig:
    """The parts that all systems share, and this process's Django on the same database and broker."""

    def __init__(self):
        self.directory = temporary_directory("bench")
        cluster, url = parts.make_postgres(temporary_directory("bench-postgres"), durable=True)
        self.postgres, self.base_url = cluster, url
        self.env = clean_env(
            DATA_DIR=str(self.directory), DATABASE_URL=f"{url}/postgres", WORKER_CONCURRENCY=WORKER_CONCURRENCY
        )
        self.valkey, self.env["REDIS_URL"] = parts.make_valkey(self.directory, self.env)
        self.upstream_part, upstream_url = parts.make_upstream(self.directory, self.env)
        self.upstream = Upstream(upstream_url)

    def start(self) -> None:
        self.postgres.start(), self.valkey.start(), self.upstream_part.start()
        parts.wait_for_postgres(self.postgres)
        parts.wait_for_valkey(self.valkey)
        parts.wait_for_upstream(self.upstream_part)
        databases.migrate(self.env["DATABASE_URL"], self.env)
        self.crowd = Crowd(self.env)
        self._set_up_django()

    def _set_up_django(self) -> None:
        os.environ |= self.env | {"DATABASE_POOL": "0"}
        import django

        django.setup()
        import chatapp.celery  # noqa: F401  (the broker that runs are sent to)
        from tests.harness.stack import ensure_model

        ensure_model(self.upstream)

    def groups(self, web: Part | None, worker: Part | None) -> dict[str, list[int]]:
        """Who belongs to the system under test, for the meter; upstream and load generator are listed apart."""
        return {
            "web": [web.pid] if web else [],
            "worker": [worker.pid] if worker else [],
            "valkey": [self.valkey.pid],
            "postgres": [self.postgres.pid],
            "upstream": [self.upstream_part.pid],
        }


@contextmanager
def open_rig() -> Iterator[Rig]:
    """A running rig; everything is killed in the end."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rig = Rig()
    try:
        rig.start()
        yield rig
        rig.crowd.close()
    finally:
        kill_all()
