"""Injects faults and restores the parts. A part has one fault at a time."""

import os
import random
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import psycopg
import redis
from django.db import connection
from kombu.exceptions import OperationalError

from tests.faults.parts import DRAIN, EXIT_SECONDS, Town, children_of
from tests.faults.plan import Fault
from tests.harness.processes import Part, living


class Impossible(Exception):
    """No target for the fault right now; it does not count."""


class Injector:
    """Injects the faults of one episode, each in a thread of its own. `done` counts them by name."""

    def __init__(self, town: Town, seed: int, task_ids: Callable[[], tuple[list[str], list[str]]]):
        self.town, self.dice, self.task_ids = town, random.Random(seed), task_ids
        self.done: Counter[str] = Counter()
        self.troubles: list[str] = []  # what did not come back as it must
        self.quiet = threading.Event()
        self._threads: list[threading.Thread] = []

    def inject(self, fault: Fault) -> None:
        thread = threading.Thread(target=self._inject, args=(fault,), daemon=True, name=fault.name)
        self._threads.append(thread)
        thread.start()

    def end(self) -> None:
        """Wait for the end of all faults, then check that every part is up."""
        self.quiet.set()
        for thread in self._threads:
            thread.join(120)
            if thread.is_alive():
                self.troubles.append(f"the fault {thread.name!r} did not come to an end")
        for part in self.town.parts:
            if not part.is_alive:
                self.troubles.append(f"{part.name} has ended by itself:\n{part.tail()}")
                part.kill()
                self.town.start_again(part)
        connection.close()  # it may have been cut

    def _inject(self, fault: Fault) -> None:
        try:
            FAULTS[fault.name](self, fault)
            self.done[fault.name] += 1
        except Impossible:
            pass
        except (AssertionError, OSError, psycopg.Error) as error:
            self.troubles.append(f"{fault.name}: {error!r}")

    def _last(self, seconds: float) -> None:
        """Keep the fault for that long, or until the episode ends."""
        self.quiet.wait(seconds)

    # -- processes -------------------------------------------------------------------------------

    def _candidates(self, fault: Fault) -> list[Part]:
        """The given part, or its twin if it already has a fault."""
        word = fault.name.split()[-1]
        twins = {"web": self.town.webs, "beat": [self.town.beat], "valkey": [self.town.valkey]}
        twins["upstream"] = [self.town.upstream_part]
        parts = twins.get(word) or ([self.town.postgres] if word == "postgres" else self.town.workers)
        return parts[fault.part :] + parts[: fault.part]

    def _hurt(self, fault: Fault, act: Callable[[Part], None]) -> None:
        for part in self._candidates(fault):
            lock = self.town.locks[part]
            if lock.acquire(blocking=False):
                try:
                    return act(part)
                finally:
                    lock.release()
        raise Impossible

    def kill(self, fault: Fault) -> None:
        def act(part: Part) -> None:
            part.kill()
            self._last(fault.seconds)
            self.town.start_again(part)

        self._hurt(fault, act)

    def kill_upstream(self, fault: Fault) -> None:
        """Its connections are reset, new ones refused until it is back."""

        def act(part: Part) -> None:
            self.town.upstream.kill(part)
            self._last(fault.seconds)
            self.town.start_again(part)

        self._hurt(fault, act)

    def suspend(self, fault: Fault) -> None:
        def act(part: Part) -> None:
            try:
                part.suspend()
                self._last(fault.seconds)
            finally:
                part.resume()

        self._hurt(fault, act)

    def restart(self, fault: Fault) -> None:
        ask = signal.SIGTERM if fault.name.startswith("warm") else signal.SIGQUIT

        def act(part: Part) -> None:
            os.kill(part.pid, ask)
            try:
                part.process.wait(DRAIN + EXIT_SECONDS)
            except subprocess.TimeoutExpired:
                self.troubles.append(f"{fault.name}: {part.name} did not end within {DRAIN + EXIT_SECONDS:g} s")
            part.kill()
            self.town.start_again(part)

        self._hurt(fault, act)

    def kill_child(self, fault: Fault) -> None:
        def act(part: Part) -> None:
            children = children_of(part)
            if not children:
                raise Impossible
            os.kill(self.dice.choice(children), signal.SIGKILL)

        self._hurt(fault, act)

    def kill_main_process(self, fault: Fault) -> None:
        """Its children stay, and may finish their work."""

        def act(part: Part) -> None:
            self.town.orphaned_groups.append(part.pid)
            os.kill(part.pid, signal.SIGKILL)
            part.process.wait()
            living.remove(part)
            self._last(fault.seconds)
            self.town.start_again(part)

        self._hurt(fault, act)

    # -- Valkey ----------------------------------------------------------------------------------

    def _tell_valkey(self, *words: str) -> None:
        with self.town.redis() as valkey:
            try:
                valkey.execute_command(*words)
            except (redis.ConnectionError, redis.TimeoutError) as error:
                raise Impossible from error

    def flush(self, fault: Fault) -> None:
        self._tell_valkey("FLUSHALL")

    def cut_pubsub(self, fault: Fault) -> None:
        self._tell_valkey("CLIENT", "KILL", "TYPE", "pubsub")

    def cut_clients(self, fault: Fault) -> None:
        self._tell_valkey("CLIENT", "KILL", "SKIPME", "yes")

    # -- PostgreSQL ------------------------------------------------------------------------------

    def cut_database(self, fault: Fault) -> None:
        statement = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        try:
            with psycopg.connect(f"{self.town.databases.base_url}/postgres", connect_timeout=1) as connection:
                connection.execute(statement)
        except psycopg.OperationalError as error:
            raise Impossible from error

    # -- revokes ---------------------------------------------------------------------------------

    def revoke(self, fault: Fault) -> None:
        active, ended = self.task_ids()
        among = ended if fault.name == "late revoke" else active
        if not among:
            raise Impossible
        task_id = self.dice.choice(among)
        app = self.town.celery_app()
        try:
            for _ in range(2 if fault.name == "duplicate revoke" else 1):
                app.control.revoke(task_id, terminate=True, signal="SIGTERM")
        except (OperationalError, redis.RedisError, OSError) as error:
            raise Impossible from error
        finally:
            with suppress(Exception):
                app.close()


FAULTS: dict[str, Callable[[Injector, Fault], None]] = {
    "kill worker": Injector.kill,
    "kill beat": Injector.kill,
    "kill web": Injector.kill,
    "kill valkey": Injector.kill,
    "kill postgres": Injector.kill,
    "kill upstream": Injector.kill_upstream,
    "kill child": Injector.kill_child,
    "kill main process": Injector.kill_main_process,
    "suspend worker": Injector.suspend,
    "suspend web": Injector.suspend,
    "suspend valkey": Injector.suspend,
    "warm restart": Injector.restart,
    "cold restart": Injector.restart,
    "flush valkey": Injector.flush,
    "cut pub/sub": Injector.cut_pubsub,
    "cut all clients of valkey": Injector.cut_clients,
    "cut database connections": Injector.cut_database,
    "revoke from outside": Injector.revoke,
    "duplicate revoke": Injector.revoke,
    "late revoke": Injector.revoke,
}
