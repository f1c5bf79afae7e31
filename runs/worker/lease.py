"""The lease of a worker process. With each renewal the worker also checks whether its runs were stopped or ended."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from runs.models import Worker
from streams.eventloop import is_cancelling
from streams.log.batch import BatchLog, Unavailable
from streams.log.sqlite import SqliteBatchLog

logger = logging.getLogger(__name__)


class Lease:
    """Renews a worker's lease with the engine's own database connection.

    It runs in the engine's loop: a hanging engine or a suspended process loses its lease and its runs.
    """

    def __init__(
        self,
        worker: Worker,
        log: BatchLog,
        active_runs: Callable[[], set[UUID]],
        on_ended: Callable[[set[UUID], set[UUID]], None],
        figures: Callable[[], dict[str, Any]],
    ) -> None:
        """`active_runs` returns the runs that this process executes.

        `on_ended(stop_requested, ended)` is called with those that are to stop, and those that ended elsewhere.
        `figures` returns what the process has done so far; each renewal stores it for the metrics.
        """
        self._log = log
        self._active_runs, self._on_ended, self._figures = active_runs, on_ended, figures
        self._is_sqlite = isinstance(log, SqliteBatchLog)
        self._id = worker.id.hex if self._is_sqlite else worker.id
        self._json = "%s" if self._is_sqlite else "%s::jsonb"

    async def keep_renewing(self) -> None:
        while not is_cancelling():
            try:
                await self._renew()
                await self._check_runs()
            except Unavailable as error:
                logger.warning("the lease could not be renewed: %s", error)
            except Exception:
                logger.exception("the lease could not be renewed")
            await asyncio.sleep(settings.LEASE_RENEW_SECONDS)

    async def _renew(self) -> None:
        await self._set_end(settings.LEASE_SECONDS)

    async def release(self) -> None:
        """End the lease now. Call it after `keep_renewing` has ended, which would renew it."""
        await self._set_end(0)

    async def _set_end(self, seconds: float) -> None:
        """Let the lease end in `seconds` by the database's clock, as machines' clocks may differ. SQLite has one."""
        value: str | float
        if self._is_sqlite:
            end = datetime.now(UTC) + timedelta(seconds=seconds)
            expression, value = "%s", end.strftime("%Y-%m-%d %H:%M:%S.%f")
        else:
            expression, value = "now() + make_interval(secs => %s)", seconds
        figures = orjson.dumps(self._figures()).decode()
        await self._log.fetch(
            f"UPDATE runs_worker SET lease_until = {expression}, figures = {self._json} WHERE id = %s",
            (value, figures, self._id),
        )

    async def _check_runs(self) -> None:
        """Find stop requests whose revoke was lost, and runs that were ended while this process was suspended.

        The latter would be fenced when they write, but while an upstream is silent they write nothing.
        """
        active = self._active_runs()  # before the query: these are already `running` in the database
        if not active:
            return
        rows = await self._log.fetch(
            "SELECT id, stop_requested_at IS NOT NULL FROM runs_run WHERE worker_id = %s AND status = 'running'",
            (self._id,),
        )
        running = {UUID(str(run_id)): bool(is_stop_requested) for run_id, is_stop_requested in rows}
        stop_requested = {run_id for run_id in active if running.get(run_id)}
        ended = active - running.keys()
        if stop_requested or ended:
            self._on_ended(stop_requested, ended)
