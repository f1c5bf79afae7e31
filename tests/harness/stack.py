"""A stack: everything that runs in production, as real processes, with a database of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from tests.harness import databases, parts
from tests.harness.processes import THROTTLES, Part, run_program, temporary_directory
from tests.harness.upstream import Upstream

SECRET_KEY = "the tests' key, the same in all processes so that they accept each other's cookies"
WITHOUT_BEAT = ("valkey", "worker", "web")  # for what nothing has to happen from time to time
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SYSTEMROOT")


def clean_env(**values: str) -> dict[str, str]:
    """An environment without the variables of the user who runs the tests."""
    env = {name: os.environ[name] for name in INHERITED if name in os.environ}
    env |= {"DJANGO_SETTINGS_MODULE": "chatapp.settings", "SECRET_KEY": SECRET_KEY, "STATIC_FROM_SOURCE": "1"}
    env |= {"TITLES": "0", "UPSTREAM_RETRY_SECONDS": "0.05"}
    env |= dict.fromkeys(("USER_MAX_RUNS", "USER_MAX_SENDS", "PROGRAM_MAX_SENDS", "USER_MAX_CONNECTIONS"), "0")
    env |= {f"THROTTLE_{name}": "0" for name in THROTTLES}
    return env | {"PYTHONUNBUFFERED": "1"} | values


def collect_static(directory: Path) -> None:
    """Bundle and collect static files into `directory / "static"`, as `collectstatic` does for users."""
    env = clean_env(DATA_DIR=str(directory), STATIC_FROM_SOURCE="0")
    done = run_program([sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"], env, 120)
    assert done.returncode == 0, done.stderr


def ensure_model(upstream: Upstream) -> None:
    """The model `scripted`, the default, at the scripted upstream."""
    from runs.models import Model, Provider

    provider, _ = Provider.objects.get_or_create(name="scripted", defaults={"base_url": upstream.base_url})
    Model.objects.get_or_create(
        name="scripted",
        defaults={"label": "Scripted", "provider": provider, "upstream_id": "scripted", "is_default": True},
    )


class Stack:
    """Valkey, a web server, a worker and beat, on a database of their own.

    `pool` is Celery's (`gevent`, `prefork`), `server` `daphne` or `uvicorn`. Further keywords are environment
    variables (`LEASE_SECONDS="2"`). `hosts` has the addresses of `valkey` and `web` where they are not on loopback. A
    part can be killed and started again (`stack.worker.kill()`, `stack.start_part(stack.worker)`); addresses stay.
    """

    def __init__(
        self,
        name: str,
        all_databases,
        upstream: Upstream,
        *,
        pool: str = "gevent",
        server: str = "daphne",
        worker_options: tuple[str, ...] = (),
        valkey_options: tuple[str, ...] = (),
        hosts: Mapping[str, str] = MappingProxyType({}),
        **env: str,
    ):
        self.name, self.pool, self.upstream = name, pool, upstream
        self.directory = temporary_directory(name)
        self.databases = all_databases
        # Workers and beat would run Django's checks twice each, 0.2 s: test_pools.py starts a worker that does
        env = {"CELERY_SKIP_CHECKS": "1", "STATIC_FROM_SOURCE": "0"} | env
        self.env = clean_env(DATA_DIR=str(self.directory), DATABASE_URL=all_databases.url(name), **env)
        self.valkey, self.redis_url = parts.make_valkey(
            self.directory, self.env, *valkey_options, host=hosts.get("valkey", parts.LOOPBACK)
        )
        self.env["REDIS_URL"] = self.redis_url
        self.web, self.url = parts.make_web(server, self.directory, self.env, host=hosts.get("web", parts.LOOPBACK))
        self.worker = self.make_worker("worker", *worker_options)
        self.beat = parts.make_beat(self.directory, self.env)
        self.more: list[Part] = []
        self.people = []

    def __repr__(self):
        return f"<stack {self.name}>"

    def make_worker(self, name: str, *options: str, **env: str) -> Part:
        """Another worker of this stack, not started yet; `env` differs from the stack's."""
        # prefork children must not inherit a pool of connections
        env = self.env | env | ({"DATABASE_POOL": "0"} if self.pool == "prefork" else {})
        return parts.make_worker(self.pool, self.directory, env, *options, name=name)

    def make_data(self) -> None:
        """Create the database, and link the static files that were collected once for all stacks."""
        self.databases.create(self.name, self.env)
        (self.directory / "static").symlink_to(databases.made_once("collected", collect_static) / "static")

    def start(self, *only: str) -> "Stack":
        """Create the database and start all parts, or only the named ones, and wait until they are up."""
        self.make_data()
        chosen = [getattr(self, name) for name in only or ("valkey", "worker", "web", "beat")]
        if self.valkey in chosen:
            self.valkey.start()
            parts.wait_for_valkey(self.valkey)
        for part in chosen:
            if part is not self.valkey:
                part.start()
        for part in chosen:
            self.wait_for(part)
        return self

    def start_part(self, part: Part) -> Part:
        """Start or restart a part and wait until it is up."""
        part.start()
        self.wait_for(part)
        if part not in (self.valkey, self.web, self.worker, self.beat):
            self.more.append(part)
        return part

    def wait_for(self, part: Part) -> None:
        if part is self.valkey:
            parts.wait_for_valkey(part)
        elif part is self.web:
            parts.wait_for_web(part, self.url)
        elif part is not self.beat:
            parts.wait_for_worker(part)

    def kill(self) -> None:
        """Kill -9 everything."""
        for part in (*self.more, self.beat, self.worker, self.web, self.valkey):
            part.kill()

    def mark_logs(self) -> None:
        for part in (self.valkey, self.web, self.worker, self.beat, *self.more):
            if part.is_alive:
                part.mark_log()

    @contextmanager
    def in_use(self):
        """Within this context the ORM of the test's process uses this stack's database, and its beat is running."""
        self._signal_beat(signal.SIGCONT)
        with databases.using(self.databases.name(self.name)):
            ensure_model(self.upstream)
            try:
                yield self
            finally:
                for person in self.people:
                    person.leave()
                self.people.clear()
                self._signal_beat(signal.SIGSTOP)  # else a shared stack's worker is busy with upkeep for ever

    def _signal_beat(self, number: int) -> None:
        if self.beat.is_alive:
            self.beat.process.send_signal(number)

    def person(self, name: str):
        """A new user of this stack: `alice`, `bob` or `charlie` (who is staff), with a unique name."""
        from tests.harness.people import Person

        person = Person(self.url, name)
        self.people.append(person)
        return person

    def manage_argv(self, *words: str) -> list[str]:
        return [sys.executable, "manage.py", *words]

    def manage(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run a management command in this stack's environment and wait for it."""
        return self._run(self.manage_argv(*words), check)

    def celery(self, *words: str) -> subprocess.CompletedProcess:
        """Run `celery -A chatapp …` in this stack's environment, as an operator would."""
        return self._run([sys.executable, "-m", "celery", "-A", "chatapp", *words], True)

    def _run(self, argv: list[str], check: bool) -> subprocess.CompletedProcess:
        done = run_program(argv, self.env, 60)
        if check:
            assert done.returncode == 0, f"{argv} ended with {done.returncode}:\n{done.stderr[-3000:]}"
        return done
