"""The engine: everything that happens per token, in one event loop beside the Celery tasks.

A task supervises one run: it claims the run, passes it to the engine, waits so that a Stop can interrupt it, and
decides how the run ends. The engine executes all runs of its process: it owns the upstream connections, the batch
writer and the worker's lease. Each process has one engine, created after the fork on first use.
"""

import asyncio
import logging
import os
import platform
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any
from uuid import UUID

from django.conf import settings

from runs.errors import InternalError, RunError, TimeLimit
from runs.lifecycle.dispatch import consumed_queues
from runs.maintenance.counters import tally
from runs.models import Worker
from runs.net.http1 import Client
from runs.upstream import adaptive_stream
from runs.upstream.reading.deltas import Delta
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

MAX_TEXT_CHARACTERS = 10_000  # of a text requested without a run; the rest is dropped
HANDOVER_SECONDS = 2.0  # s an interrupted task waits for the engine to write what it holds


class Fenced(Exception):
    """Another process has ended this run, so nothing more of it may be written."""


class StopRequested(Exception):
    """The stop request was found in the database, because its revoke was lost."""


@dataclass
class ActiveRun:
    """A run being executed. All fields but `waiter` belong to the engine's loop until the waiter is notified."""

    run_id: UUID
    after: int
    request: UpstreamRequest
    waiter: Waiter
    task: "asyncio.Task[None] | None" = None
    error: BaseException | None = None  # why it ended before the upstream's end marker
    interruption: Exception | None = None  # set before the engine itself cancels the task
    finish_reason: str = ""


class Engine:
    def __init__(self, worker: Worker) -> None:
        self.worker, self.pid = worker, os.getpid()
        self._thread = loop_thread()
        self._active_runs: dict[UUID, ActiveRun] = {}
        ready = Waiter()
        self._thread.call(lambda: self._thread.spawn(self._open(ready)))
        ready.wait()
        ready.close()

    async def _open(self, ready: Waiter) -> None:
        self._log = open_batch_log()
        self.writer = BatchWriter(self._log, process_sender(self._thread))
        self._client = Client()
        self._thread.spawn(self.writer.run())
        self._lease = Lease(self.worker, self._log, lambda: set(self._active_runs), self._end_runs, self._figures)
        self._renewals = self._thread.spawn(self._lease.keep_renewing())
        ready.notify()

    def _figures(self) -> dict[str, Any]:
        """This process's counters (docs/operating.md)."""
        dropped = process_sender(self._thread).dropped
        return tally.figures() | {"active": len(self._active_runs), "dropped": dropped} | self.writer.state()._asdict()

    def shut_down(self) -> None:
        """Release the lease at the end of the process, so that nothing waits for it to run out."""
        done = Waiter()
        self._thread.call(lambda: self._thread.spawn(self._release_lease(done)))
        done.wait(HANDOVER_SECONDS)
        done.close()

    async def _release_lease(self, done: Waiter) -> None:
        self._renewals.cancel()
        await asyncio.wait([self._renewals])
        try:
            await self._lease.release()
        finally:
            done.notify()

    # -- the task's side --------------------------------------------------------------------------

    def execute(self, run_id: UUID, after: int, request: UpstreamRequest) -> str:
        """Write a run's answer to its stream, from `after` on, and wait for the end. Returns the finish reason.

        Raises RunError, Fenced or StopRequested. When the wait is interrupted (SystemExit, GreenletExit), the upstream
        connection is closed and everything received is in the log before the interruption propagates.
        """
        run = ActiveRun(run_id, after, request, Waiter())
        del request
        self._thread.call(self._start, run)
        try:
            run.waiter.wait()
        except BaseException:
            self._thread.call(self._cancel, run)
            run.waiter.wait(HANDOVER_SECONDS)
            raise
        finally:
            run.waiter.close()
        if run.error is not None:
            error, run.error = run.error, None  # its traceback refers to the run: a cycle
            raise error
        return run.finish_reason

    def fetch_text(self, request: UpstreamRequest, timeout: float) -> str:
        """The text of an answer that belongs to no run. `timeout` in seconds. Raises RunError."""
        waiter = Waiter()
        outcome: list[str | BaseException] = []

        async def fetch() -> None:
            try:
                outcome.append(await self._fetch_text(request, timeout))
            except BaseException as error:
                outcome.append(error)
            waiter.notify()

        self._thread.call(lambda: self._thread.spawn(fetch()))
        try:
            waiter.wait(timeout + HANDOVER_SECONDS)
        finally:
            waiter.close()
        if outcome and isinstance(outcome[0], str):
            return outcome[0]
        if outcome and isinstance(outcome[0], RunError):
            raise outcome[0]
        raise TimeLimit(repr(outcome))

    # -- the loop's side --------------------------------------------------------------------------

    def _start(self, run: ActiveRun) -> None:
        self._active_runs[run.run_id] = run
        run.task = self._thread.spawn(self._execute(run))
        run.task.add_done_callback(partial(self._on_done, run))

    async def _execute(self, run: ActiveRun) -> None:
        recorder = Recorder(self.writer, run.run_id, run.after, partial(self._interrupt, run, Fenced()))
        try:
            async with asyncio.timeout(settings.RUN_MAX_SECONDS):
                await self._read_upstream(run.request, recorder)
            recorder.raise_if_empty(run.request.may_be_empty)
            run.finish_reason, run.request.prompt_tokens = recorder.finish_reason, recorder.prompt_tokens
            run.request.images, run.request.has_only_images = [*recorder.images], recorder.has_only_images
        except TimeoutError as error:
            raise TimeLimit from error
        finally:
            await recorder.close()

    async def _read_upstream(self, request: UpstreamRequest, recorder: Recorder) -> None:
        """Record the upstream's answer. Retry, after a pause, while it fails before its first token."""
        while True:
            try:
                await adaptive_stream.stream(
                    self._client, request, settings.RUN_IDLE_SECONDS, recorder, recorder.record_adapted
                )
                return
            except RunError as error:
                pause = recorder.pause_before_retry(error)
                if pause is None:
                    error.was_retried = recorder.has_retried
                    raise
                await recorder.record_retry(error, pause)
            await asyncio.sleep(pause)

    async def _fetch_text(self, request: UpstreamRequest, timeout: float) -> str:
        sink = TextSink()
        async with asyncio.timeout(timeout):
            await adaptive_stream.stream(self._client, request, timeout, sink)
        return "".join(sink.pieces)

    def _on_done(self, run: ActiveRun, task: "asyncio.Task[None]") -> None:
        if self._active_runs.get(run.run_id) is run:
            del self._active_runs[run.run_id]
        failure = None if task.cancelled() else task.exception()
        if run.interruption is not None:
            run.error = run.interruption
        elif task.cancelled() or failure is None or isinstance(failure, RunError):
            run.error = failure
        else:
            logger.error("run %s failed in the engine", run.run_id, exc_info=failure)
            run.error = InternalError(repr(failure))
            run.error.__cause__ = failure
        run.request.drop_body()
        run.task = None  # its coroutine refers to the run: a cycle that only the garbage collector would find
        run.waiter.notify()

    def _interrupt(self, run: ActiveRun, reason: Exception) -> None:
        """Cancel a run for a reason of the engine's; its Celery task raises the reason."""
        run.interruption = run.interruption or reason
        self._cancel(run)

    def _cancel(self, run: ActiveRun) -> None:
        if run.task is not None:
            run.task.cancel()

    def _end_runs(self, stop_requested: set[UUID], ended: set[UUID]) -> None:
        """End runs that the database says are to stop, or have been ended by another process."""
        for run_id in stop_requested | ended:
            if run := self._active_runs.get(run_id):
                self._interrupt(run, StopRequested() if run_id in stop_requested else Fenced())


class TextSink:
    """A sink that keeps the beginning of the text, without reasoning."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._remaining = MAX_TEXT_CHARACTERS

    def record(self, deltas: list[Delta]) -> None:
        for kind, data in deltas:
            if kind == Kind.SNAPSHOT:  # what was text is reasoning
                self.pieces.clear()
                self._remaining = MAX_TEXT_CHARACTERS
            elif kind == Kind.TEXT and self._remaining > 0:
                self.pieces.append(data["text"][: self._remaining])
                self._remaining -= len(self.pieces[-1])

    def is_full(self) -> bool:
        return False

    async def drain(self) -> None: ...


_engine: Engine | None = None


def start_engine(node: str, pool: str) -> Engine:
    """This process's engine. On first use create it, and register the process as a worker with a lease."""
    global _engine
    if _engine is None or _engine.pid != os.getpid():
        from runs.lifecycle.reaper import lease_end

        worker = Worker.objects.create(
            name=node,
            pid=os.getpid(),
            pool=pool,
            queues=consumed_queues(),
            versions=versions(),
            lease_until=lease_end(),
        )
        _engine = Engine(worker)
        tune_gc()
    return _engine


def versions() -> str:
    """Versions that may explain why one worker behaves unlike the others."""
    packages = (f"{name} {version(name)}" for name in ("celery", "django", "httptools"))
    return f"chatapp {settings.VERSION}, {', '.join(packages)}, python {platform.python_version()}"


def shut_down_engine() -> None:
    """Shut down this process's engine, if it has one."""
    if _engine is not None and _engine.pid == os.getpid():
        _engine.shut_down()


def current_pool() -> str:
    return "gevent" if is_gevent() else "prefork"
