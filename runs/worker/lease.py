"""The lease of one worker process: renewed while its engine lives, and the moment to look what became of its runs."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
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

    It runs in the engine's loop: an engine that hangs, or a process that is suspended, loses its lease, and its runs.
    """

    def __init__(
        self,
        worker: Worker,
        log: BatchLog,
        carried: Callable[[], set[UUID]],
        on_news: Callable[[set[UUID], set[UUID]], None],
        figures: Callable[[], dict],
    ) -> None:
        """`carried` tells the runs of this process; `on_news(stopped, gone)` hears which of them shall or did end.

        `figures` is what the process has done so far; it is stored with each renewal, for the metrics.
        """
        self._figures = figures
        self._worker, self._log, self._carried, self._on_news = worker, log, carried, on_news
        self._is_sqlite = isinstance(log, SqliteBatchLog)
        self._id = worker.id.hex if self._is_sqlite else worker.id
        self._json = "%s" if self._is_sqlite else "%s::jsonb"

    async def keep(self) -> None:
        while not is_cancelling():
            try:
                await self._renew()
                await self._look_after_runs()
            except Unavailable as error:
                logger.warning("the lease could not be renewed: %s", error)
            except Exception:
                logger.exception("the lease could not be renewed")
            await asyncio.sleep(settings.LEASE_RENEW_SECONDS)

    async def _renew(self) -> None:
        await self._lease_for(settings.LEASE_SECONDS)

    async def give_up(self) -> None:
        """The worker is gone from now on. After `keep` has ended, or that would renew it."""
        await self._lease_for(0)

    async def _lease_for(self, seconds: float) -> None:
        """By the database's clock: those of the machines may differ. SQLite has only one machine."""
        if self._is_sqlite:
            end = datetime.now(UTC) + timedelta(seconds=seconds)
            setting, value = "%s", end.strftime("%Y-%m-%d %H:%M:%S.%f")
        else:
            setting, value = "now() + make_interval(secs => %s)", seconds
        figures = orjson.dumps(self._figures()).decode()
        await self._log.fetch(
            f"UPDATE runs_worker SET lease_until = {setting}, figures = {self._json} WHERE id = %s",
            (value, figures, self._id),
        )

    async def _look_after_runs(self) -> None:
        """A revoke can get lost; the request in the database cannot.

        And a run may have been given up while this process was suspended. It would meet its fence when it writes, but a
        silent upstream gives it nothing to write.
        """
        carried = self._carried()  # before the query: what is carried by then is running in the database
        if not carried:
            return
        rows = await self._log.fetch(
            "SELECT id, stop_requested_at IS NOT NULL FROM runs_run WHERE worker_id = %s AND status = 'running'",
            (self._id,),
        )
        running = {UUID(str(run_id)): bool(stopped) for run_id, stopped in rows}
        stopped = {run_id for run_id in carried if running.get(run_id)}
        gone = carried - running.keys()
        if stopped or gone:
            self._on_news(stopped, gone)
