"""The log, written in bulk: what the batch writer needs of a database.

For the batch writer only, which lives in an event loop beside gevent's greenlets. So neither the ORM nor Django's
connections are used here: PostgreSQL has an asynchronous connection of its own, SQLite a native thread. `append` is all
or nothing; `read_from` tells afterwards, when a seq was taken or the connection broke, what has become of the rows.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol
from uuid import UUID

from streams.events import Event


class Conflict(Exception):
    """A seq of the batch was taken; nothing of the batch was written."""


class Unavailable(Exception):
    """The database did not answer; whether the batch was written is not known."""


class BatchLog(Protocol):
    async def append(self, events: Sequence[Event], at: datetime) -> None:
        """Write all `events` in one transaction. Raises Conflict or Unavailable."""

    async def read_from(self, firsts: dict[UUID, int]) -> list[Event]:
        """The events each stream has from the given seq on. Raises Unavailable."""

    async def fetch(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple]:
        """Run one statement in a transaction of its own (`%s` marks parameters). Raises Unavailable."""

    async def close(self) -> None: ...


def by_stream(events: Sequence[Event]) -> dict[UUID, list[Event]]:
    """Events grouped by stream, each group in order of seq."""
    ordered = sorted(events, key=lambda event: (event.stream, event.seq))
    return {stream: list(group) for stream, group in groupby(ordered, key=lambda event: event.stream)}
