"""The lease of one worker process: renewed while its engine lives, and the moment to look for lost stop requests."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings

from runs.models import Worker
from streams.batchlog import BatchLog, SqliteBatchLog, Unavailable

logger = logging.getLogger(__name__)


class Lease:
    """Renews a worker's lease with the engine's own database connection.

    It runs in the engine's loop: an engine that hangs, or a process that is suspended, loses its lease, and its runs.
    """

    def __init__(self, worker: Worker, log: BatchLog, on_stop_asked: Callable[[list[UUID]], None]) -> None:
        self._worker, self._log, self._on_stop_asked = worker, log, on_stop_asked
        is_sqlite = isinstance(log, SqliteBatchLog)
        self._id = worker.id.hex if is_sqlite else worker.id
        self._time = (lambda at: at.strftime("%Y-%m-%d %H:%M:%S.%f")) if is_sqlite else (lambda at: at)

    async def keep(self) -> None:
        while True:
            try:
                await self._renew()
                await self._look_for_stops()
            except Unavailable as error:
                logger.warning("the lease could not be renewed: %s", error)
            except Exception:
                logger.exception("the lease could not be renewed")
            await asyncio.sleep(settings.LEASE_RENEW_SECONDS)

    async def _renew(self) -> None:
        await self._lease_until(datetime.now(UTC) + timedelta(seconds=settings.LEASE_SECONDS))

    async def give_up(self) -> None:
        """The worker is gone from now on. After `keep` has ended, or that would renew it."""
        await self._lease_until(datetime.now(UTC))

    async def _lease_until(self, end: datetime) -> None:
        await self._log.fetch("UPDATE runs_worker SET lease_until = %s WHERE id = %s", (self._time(end), self._id))

    async def _look_for_stops(self) -> None:
        """A revoke can get lost; the request in the database cannot."""
        rows = await self._log.fetch(
            "SELECT id FROM runs_run WHERE worker_id = %s AND status = 'running' AND stop_requested_at IS NOT NULL",
            (self._id,),
        )
        if rows:
            self._on_stop_asked([UUID(str(run_id)) for (run_id,) in rows])
