"""How long a worker's lease is, by the clock of either database."""

import asyncio

from runs.models import Worker
from runs.worker.lease import Lease


class Log:
    """Stands in for the batch log: keeps the parameters of queries."""

    def __init__(self) -> None:
        self.queries: list[tuple] = []

    async def fetch(self, query: str, parameters: tuple = ()) -> list[tuple]:
        self.queries.append(parameters)
        return []


def test_a_lease_is_renewed_for_its_duration_and_released_at_once(settings):  # B12
    settings.LEASE_SECONDS = 7
    log = Log()
    lease = Lease(Worker(), log, set, lambda stop_requested, ended: None, dict)
    asyncio.run(lease._renew())
    asyncio.run(lease.release())
    assert [seconds for seconds, *_ in log.queries] == [7, 0]
