"""A migrated database for every stack, and the switch that points this process's Django at it.

Stacks do not share a database with the `db` fixture's tests: those hold transactions and empty tables, which a
live worker must not suffer from. Migrations run once in a run of the tests, whatever shares it; all databases are
copies of what that made.
"""

import fcntl
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import psycopg

from tests.harness import parts
from tests.harness.processes import Part, run_program, temporary_directory

TEMPLATE = "template"
TEMPLATES = "TESTS_TEMPLATES"  # the variable that names the directory of the run's migrated databases


class SqliteDatabases:
    """One file per database."""

    def __init__(self, directory: Path):
        self.directory, self.main_url = directory, f"sqlite:///{directory / 'chatapp.sqlite3'}"

    def url(self, name: str) -> str:
        return f"sqlite:///{self.name(name)}"

    def name(self, name: str) -> str:
        """What Django's settings call it."""
        return str(self.directory / f"{name}.sqlite3")

    def create(self, name: str, env: dict[str, str]) -> None:
        template = made_once("chatapp.sqlite3", lambda path: migrate(f"sqlite:///{path}", env))
        shutil.copyfile(template, self.name(name))

    def start(self) -> None:
        """Nothing to start."""


class PostgresDatabases:
    """One cluster, started on first use. It survives being killed only if it is `durable`."""

    def __init__(self, directory: Path, *, durable: bool = False, host: str = parts.LOOPBACK):
        self.directory = directory
        self.part, self.base_url = parts.make_postgres(directory, durable=durable, host=host)
        self.main_url = f"{self.base_url}/chatapp"

    def url(self, name: str) -> str:
        return f"{self.base_url}/{self.name(name)}"

    def name(self, name: str) -> str:
        return name.replace("-", "_")

    @cached_property
    def _started(self) -> Part:
        parts.copy_cluster(made_once("postgres", make_migrated_cluster), self.directory)
        self.part.start()
        parts.wait_for_postgres(self.part)
        return self.part

    def create(self, name: str, env: dict[str, str]) -> None:
        assert self._started
        execute(self.base_url, f"CREATE DATABASE {self.name(name)} TEMPLATE {TEMPLATE}")


def make_migrated_cluster(directory: Path) -> None:
    """A cluster at rest that has the database TEMPLATE, and `chatapp`, which is empty."""
    from tests.harness.stack import clean_env

    parts.make_cluster(directory)
    part, base_url = parts.make_postgres(directory)
    part.start()
    parts.wait_for_postgres(part)
    for name in ("chatapp", TEMPLATE):
        execute(base_url, f"CREATE DATABASE {name}")
    migrate(f"{base_url}/{TEMPLATE}", clean_env())
    part.stop()


def execute(base_url: str, statement: str) -> None:
    with psycopg.connect(f"{base_url}/postgres", autocommit=True) as connection:
        connection.execute(statement)


def templates_directory() -> Path:
    """The directory of this run's migrated databases: the first process makes it, those that it starts inherit it."""
    if TEMPLATES not in os.environ:
        os.environ[TEMPLATES] = str(temporary_directory("templates"))
        Path(os.environ[TEMPLATES]).chmod(0o755)  # for PostgreSQL's user
    return Path(os.environ[TEMPLATES])


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """What `make(path)` has made at a path that ends with `name`, for the first process of this run that asked."""
    directory = templates_directory()
    with (directory / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / name).exists():
            make(directory / f"{name}.new")
            (directory / f"{name}.new").rename(directory / name)
    return directory / name


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
