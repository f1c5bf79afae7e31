"""A worker's lease: for how long it is taken, by whichever database's clock."""

import asyncio

from runs.models import Worker
from runs.worker.lease import Lease


class Log:
    """In the place of the batch log: keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []

    async def fetch(self, query: str, parameters: tuple = ()) -> list[tuple]:
        self.asked.append(parameters)
        return []


def test_a_lease_is_renewed_for_its_time_and_given_up_for_none(settings):  # B12
    settings.LEASE_SECONDS = 7
    log = Log()
    lease = Lease(Worker(), log, set, lambda stopped, gone: None, dict)
    asyncio.run(lease._renew())
    asyncio.run(lease.give_up())
    assert [seconds for seconds, *_ in log.asked] == [7, 0]
