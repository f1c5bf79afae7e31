"""The batch log on PostgreSQL."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any
from uuid import UUID

import psycopg

from streams.events import Event
from streams.log.batch import Conflict, Unavailable

COPY = "COPY streams_event (stream, seq, kind, data, at) FROM STDIN (FORMAT binary)"
COPY_HEAD, COPY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
ROW, LENGTH, STAMP = Struct(">hi16siii"), Struct(">i"), Struct(">iq")
POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class PostgresBatchLog:
    """Implements `BatchLog` with one asynchronous connection and COPY. Reconnects by itself."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self._parameters = parameters
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._lock = asyncio.Lock()

    async def append(self, events: Sequence[Event], at: datetime) -> None:
        rows = _binary(events, at)
        async with self._use() as connection:
            try:
                async with connection.cursor() as cursor:
                    async with cursor.copy(COPY) as copy:
                        await copy.write(rows)
            except psycopg.errors.UniqueViolation as error:
                raise Conflict from error

    async def read_from(self, firsts: dict[UUID, int]) -> list[Event]:
        rows = await self.fetch(
            "SELECT e.stream, e.seq, e.kind, e.data FROM streams_event e"
            " JOIN unnest(%s::uuid[], %s::int[]) AS f (stream, seq) ON e.stream = f.stream AND e.seq >= f.seq"
            " ORDER BY e.stream, e.seq",
            (list(firsts), list(firsts.values())),
        )
        return [Event(stream, seq, kind, data.encode()) for stream, seq, kind, data in rows]

    async def fetch(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        async with self._use() as connection:
            cursor = await connection.execute(query, parameters)
            return await cursor.fetchall() if cursor.description else []

    @contextlib.asynccontextmanager
    async def _use(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        """Lend the connection for one statement at a time. Drop it after an error. Raises Unavailable."""
        async with self._lock:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await psycopg.AsyncConnection.connect(**self._parameters, autocommit=True)
                yield self._connection
            except (psycopg.Error, OSError) as error:
                await self._drop()
                raise Unavailable(str(error)) from error
            except asyncio.CancelledError:
                await self._drop()  # a statement may be half done
                raise

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def close(self) -> None:
        async with self._lock:
            await self._drop()


def _binary(events: Sequence[Event], at: datetime) -> bytes:
    """Encode rows in COPY's binary format: the number of fields, then each field after its length."""
    stamp = STAMP.pack(8, (at - POSTGRES_EPOCH) // timedelta(microseconds=1))
    parts = [COPY_HEAD]
    for stream, seq, kind, data in events:
        parts += (ROW.pack(5, 16, stream.bytes, 4, seq, len(kind)), kind.encode(), LENGTH.pack(len(data)), data, stamp)
    parts.append(COPY_END)
    return b"".join(parts)


def connection_parameters(settings: dict[str, Any]) -> dict[str, Any]:
    """Translate an entry of DATABASES to libpq's parameters, with its OPTIONS except those of Django's own."""
    named = {"dbname": "NAME", "host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    only_django = {"pool", "isolation_level", "server_side_binding", "assume_role"}
    parameters = {key: settings[name] for key, name in named.items() if settings.get(name)}
    return parameters | {key: value for key, value in settings["OPTIONS"].items() if key not in only_django}
