"""A migrated database for every stack, and the switch that points this process's Django at it.

Stacks do not share a database with the `db` fixture's tests: those hold transactions and empty tables, which a
live worker must not suffer from. Migrations run once; each stack's database is a copy.
"""

import shutil
import sys
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import psycopg

from tests.harness import parts
from tests.harness.processes import Part, run_program, temporary_directory

TEMPLATE = "template_of_stacks"


class SqliteDatabases:
    """One file a database."""

    def __init__(self, directory: Path):
        self.directory, self.main_url = directory, f"sqlite:///{directory / 'chatapp.sqlite3'}"
        self._template: Path | None = None

    def url(self, name: str) -> str:
        return f"sqlite:///{self.name(name)}"

    def name(self, name: str) -> str:
        """What Django's settings call it."""
        return str(self.directory / f"{name}.sqlite3")

    def create(self, name: str, env: dict[str, str]) -> None:
        if self._template is None:
            migrate(self.url(TEMPLATE), env)
            self._template = Path(self.name(TEMPLATE))
        shutil.copyfile(self._template, self.name(name))

    def start(self) -> None:
        """There is nothing to start."""


class PostgresDatabases:
    """One cluster, started on first use. It survives being killed only if it is `durable`."""

    def __init__(self, directory: Path, *, durable: bool = False, host: str = parts.LOOPBACK):
        self.directory = directory
        self.part, self.base_url = parts.make_postgres(directory, durable=durable, host=host)
        self.main_url = f"{self.base_url}/chatapp"
        self._has_template = False

    def url(self, name: str) -> str:
        return f"{self.base_url}/{self.name(name)}"

    def name(self, name: str) -> str:
        return name.replace("-", "_")

    @cached_property
    def _started(self) -> Part:
        self.part.start()
        parts.wait_for_postgres(self.part)
        self._execute("CREATE DATABASE chatapp")
        return self.part

    def start(self) -> None:
        assert self._started

    def _execute(self, statement: str) -> None:
        with psycopg.connect(f"{self.base_url}/postgres", autocommit=True) as connection:
            connection.execute(statement)

    def create(self, name: str, env: dict[str, str]) -> None:
        self.start()
        if not self._has_template:
            self._execute(f"CREATE DATABASE {TEMPLATE}")
            migrate(self.url(TEMPLATE), env)
            self._has_template = True
        self._execute(f"CREATE DATABASE {self.name(name)} TEMPLATE {TEMPLATE}")


def migrate(url: str, env: dict[str, str]) -> None:
    argv = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    env = {**env, "DATABASE_URL": url, "DATABASE_POOL": "0"}
    done = run_program(argv, env, 120)
    assert done.returncode == 0, done.stderr


def make_databases(kind: str) -> SqliteDatabases | PostgresDatabases:
    directory = temporary_directory("databases")
    return PostgresDatabases(directory) if kind == "postgres" else SqliteDatabases(directory)


@contextmanager
def using(name: str):
    """Let this process's Django use another database of the same server (or directory) for a while."""
    from django.db import connections

    settings = connections.settings["default"]
    before = settings["NAME"]
    connections["default"].close()
    settings["NAME"] = name
    try:
        yield
    finally:
        connections["default"].close()
        settings["NAME"] = before
