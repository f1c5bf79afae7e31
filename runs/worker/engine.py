"""The engine: everything that happens per token, in one event loop beside the Celery tasks.

A task supervises one run: it claims it, hands it in here, waits so that a Stop can interrupt it, and decides the end.
The engine carries all runs of its process: it holds the upstream connections, the batch writer and the worker's lease.
One engine a process, made after the fork, on first use.
"""

import asyncio
import logging
import os
import platform
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from uuid import UUID

from django.conf import settings

from runs.errors import InternalError, RunError, TimeLimit
from runs.lifecycle.dispatch import queues_taken
from runs.maintenance.counters import tally
from runs.models import Worker
from runs.net.http1 import Client
from runs.upstream import chat_completions
from runs.upstream.chunks import Delta
from runs.upstream.request import UpstreamRequest
from runs.worker.lease import Lease
from runs.worker.recorder import Recorder
from runs.worker.waiter import Waiter
from streams.delivery.announce import process_sender
from streams.delivery.writer import BatchWriter
from streams.eventloop import loop_thread, tune_gc
from streams.events import Kind
from streams.gevent_compat import is_gevent
from streams.log.database import open_batch_log

logger = logging.getLogger(__name__)

ASKED_CHARACTERS = 10_000  # of what is asked without a run; the rest is let go
HANDOVER_SECONDS = 2.0  # s an interrupted task waits for the engine to write what it holds


class Fenced(Exception):
    """Somebody else has ended this run; nothing more of it is ours to write."""


class StopAsked(Exception):
    """The engine found the stop request in the database: the revoke was lost."""


@dataclass
class Carriage:
    """One run on its way through the engine. All but `waiter` belongs to the engine's loop until that is notified."""

    run_id: UUID
    after: int
    request: UpstreamRequest
    waiter: Waiter
    task: asyncio.Task | None = None
    end: BaseException | None = None  # why it ended before the upstream's end marker
    cut: Exception | None = None  # set before the task is cancelled from within
    finish_reason: str = ""
    is_done: bool = field(default=False)


class Engine:
    def __init__(self, worker: Worker) -> None:
        self.worker, self.pid = worker, os.getpid()
        self._thread = loop_thread()
        self._carriages: dict[UUID, Carriage] = {}
        ready = Waiter()
        self._thread.call(lambda: self._thread.spawn(self._open(ready)))
        ready.wait()
        ready.close()

    async def _open(self, ready: Waiter) -> None:
        self._log = open_batch_log()
        self.writer = BatchWriter(self._log, process_sender(self._thread))
        self._client = Client()
        self._thread.spawn(self.writer.run())
        self._lease = Lease(self.worker, self._log, lambda: set(self._carriages), self._heard, self._figures)
        self._renewals = self._thread.spawn(self._lease.keep())
        ready.notify()

    def _figures(self) -> dict:
        """What this process has done so far (docs/operating.md)."""
        dropped = process_sender(self._thread).dropped
        return tally.figures() | {"active": len(self._carriages), "dropped": dropped} | self.writer.state()._asdict()

    def retire(self) -> None:
        """Give the lease up, at the end of the process: nothing has to wait until it runs out."""
        done = Waiter()
        self._thread.call(lambda: self._thread.spawn(self._retire(done)))
        done.wait(HANDOVER_SECONDS)
        done.close()

    async def _retire(self, done: Waiter) -> None:
        self._renewals.cancel()
        await asyncio.wait([self._renewals])
        try:
            await self._lease.give_up()
        finally:
            done.notify()

    # -- the task's side --------------------------------------------------------------------------

    def carry(self, run_id: UUID, after: int, request: UpstreamRequest) -> str:
        """Have a run's answer written, and wait for its end. Returns the upstream's finish reason.

        Raises RunError, Fenced or StopAsked. When the wait is interrupted (SystemExit, GreenletExit) the upstream's
        connection is closed and what was received is in the log before the interruption goes on.
        """
        carriage = Carriage(run_id, after, request, Waiter())
        del request
        self._thread.call(self._start, carriage)
        try:
            carriage.waiter.wait()
        except BaseException:
            self._thread.call(self._cancel, carriage)
            carriage.waiter.wait(HANDOVER_SECONDS)
            raise
        finally:
            carriage.waiter.close()
        if carriage.end is not None:
            end, carriage.end = carriage.end, None  # its traceback knows the carriage
            raise end
        return carriage.finish_reason

    def ask(self, request: UpstreamRequest, seconds: float) -> str:
        """What the upstream says to `request`, without a run. Raises RunError."""
        waiter, outcome = Waiter(), []

        async def answer() -> None:
            try:
                outcome.append(await self._ask(request, seconds))
            except BaseException as error:
                outcome.append(error)
            waiter.notify()

        self._thread.call(lambda: self._thread.spawn(answer()))
        try:
            waiter.wait(seconds + HANDOVER_SECONDS)
        finally:
            waiter.close()
        if outcome and isinstance(outcome[0], str):
            return outcome[0]
        if outcome and isinstance(outcome[0], RunError):
            raise outcome[0]
        raise TimeLimit(repr(outcome))

    # -- the loop's side --------------------------------------------------------------------------

    def _start(self, carriage: Carriage) -> None:
        self._carriages[carriage.run_id] = carriage
        carriage.task = self._thread.spawn(self._carry(carriage))
        carriage.task.add_done_callback(partial(self._finished, carriage))

    async def _carry(self, carriage: Carriage) -> None:
        recorder = Recorder(self.writer, carriage.run_id, carriage.after, partial(self._cut, carriage, Fenced()))
        try:
            async with asyncio.timeout(settings.RUN_MAX_SECONDS):
                await self._read_upstream(carriage.request, recorder)
            recorder.check()
            carriage.finish_reason = recorder.finish_reason
        except TimeoutError as error:
            raise TimeLimit from error
        finally:
            await recorder.close()

    async def _read_upstream(self, request: UpstreamRequest, recorder: Recorder) -> None:
        """Record what the upstream says; ask again, after a pause, while it fails before its first token."""
        while True:
            try:
                await chat_completions.stream(self._client, request, settings.RUN_IDLE_SECONDS, recorder)
                return
            except RunError as error:
                pause = recorder.pause_before_retry(error)
                if pause is None:
                    raise
                await recorder.note_retry(error, pause)
            await asyncio.sleep(pause)

    async def _ask(self, request: UpstreamRequest, seconds: float) -> str:
        said = _Said()
        async with asyncio.timeout(seconds):
            await chat_completions.stream(self._client, request, seconds, said)
        return "".join(said.words)

    def _finished(self, carriage: Carriage, task: asyncio.Task) -> None:
        if self._carriages.get(carriage.run_id) is carriage:
            del self._carriages[carriage.run_id]
        failure = None if task.cancelled() else task.exception()
        if carriage.cut is not None:
            carriage.end = carriage.cut
        elif task.cancelled() or failure is None or isinstance(failure, RunError):
            carriage.end = failure
        else:
            logger.error("run %s failed in the engine", carriage.run_id, exc_info=failure)
            carriage.end = InternalError(repr(failure))
            carriage.end.__cause__ = failure
        carriage.request.drop_body()
        carriage.task = None  # whose coroutine knows the carriage: garbage that only a look for it would find
        carriage.is_done = True
        carriage.waiter.notify()

    def _cut(self, carriage: Carriage, reason: Exception) -> None:
        """End a carriage from within; its task is told why."""
        carriage.cut = carriage.cut or reason
        self._cancel(carriage)

    def _cancel(self, carriage: Carriage) -> None:
        if carriage.task is not None:
            carriage.task.cancel()

    def _heard(self, stopped: set[UUID], gone: set[UUID]) -> None:
        """News from the database about runs that are carried here."""
        for run_id in stopped | gone:
            if carriage := self._carriages.get(run_id):
                self._cut(carriage, StopAsked() if run_id in stopped else Fenced())


class _Said:
    """A sink that keeps the beginning of the text."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._left = ASKED_CHARACTERS

    def record(self, deltas: list[Delta]) -> None:
        for kind, data in deltas:
            if kind == Kind.TEXT and self._left > 0:
                self.words.append(data["text"][: self._left])
                self._left -= len(self.words[-1])

    def is_full(self) -> bool:
        return False

    async def drain(self) -> None: ...


_engine: Engine | None = None


def start_engine(node: str, pool: str) -> Engine:
    """Make this process's engine and register it as a worker with a lease, unless it has one already."""
    global _engine
    if _engine is None or _engine.pid != os.getpid():
        from runs.lifecycle.reaper import lease_end

        worker = Worker.objects.create(
            name=node, pid=os.getpid(), pool=pool, queues=queues_taken(), versions=versions(), lease_until=lease_end()
        )
        _engine = Engine(worker)
        tune_gc()
    return _engine


def versions() -> str:
    """Of what may explain why one worker behaves unlike the others."""
    packages = (f"{name} {version(name)}" for name in ("celery", "django", "httptools"))
    return f"chatapp {settings.VERSION}, {', '.join(packages)}, python {platform.python_version()}"


def retire_engine() -> None:
    """Retire this process's engine, if it has one."""
    if _engine is not None and _engine.pid == os.getpid():
        _engine.retire()


def pool_name() -> str:
    return "gevent" if is_gevent() else "prefork"
