"""The log, written in bulk: the protocol that the batch writer uses on every database.

The batch writer lives in an event loop beside gevent's greenlets. So neither the ORM nor Django's connections are used
here: PostgreSQL has an asynchronous connection of its own (`postgres.py`), SQLite a native thread (`sqlite.py`).
`append` is all or nothing. When a seq was taken or the connection broke, `read_from` shows which rows were written.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol
from uuid import UUID

from streams.events import Event


class Conflict(Exception):
    """A seq of the batch was taken; no event of the batch was written."""


class Unavailable(Exception):
    """The database did not respond; it is unknown whether the batch was written."""


class BatchLog(Protocol):
    async def append(self, events: Sequence[Event], at: datetime) -> None:
        """Write all `events` in one transaction. Raises Conflict or Unavailable."""

    async def read_from(self, firsts: dict[UUID, int]) -> list[Event]:
        """Return the events of each stream from the given seq on. Raises Unavailable."""

    async def fetch(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement in a transaction of its own (`%s` marks parameters). Raises Unavailable."""

    async def close(self) -> None: ...


def by_stream(events: Sequence[Event]) -> dict[UUID, list[Event]]:
    """Group events by stream, each group in order of seq."""
    ordered = sorted(events, key=lambda event: (event.stream, event.seq))
    return {stream: list(group) for stream, group in groupby(ordered, key=lambda event: event.stream)}
