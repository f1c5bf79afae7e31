"""The log, written in bulk: one transaction holds the events of all runs of a process.

For the batch writer only, which lives in an event loop beside gevent's greenlets. So neither the ORM nor Django's
connections are used here: PostgreSQL has an asynchronous connection of its own, SQLite a native thread. `append` is all
or nothing; `stored` tells afterwards, when a seq was taken or the connection broke, what has become of the rows.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from struct import Struct
from typing import Any, Protocol
from uuid import UUID

import psycopg
from django.db import connections

from streams.eventloop import original
from streams.events import Event

SQLITE_BUSY_SECONDS = 20  # s to wait for another writer
COPY = "COPY streams_event (stream, seq, kind, data, at) FROM STDIN (FORMAT binary)"
COPY_HEAD, COPY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
ROW, LENGTH, STAMP = Struct(">hi16siii"), Struct(">i"), Struct(">iq")
POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
SQLITE_READ_STREAMS = 500  # streams in one query; SQLite's limit on variables is 32,766


class Conflict(Exception):
    """A seq of the batch was taken; nothing of the batch was written."""


class Unavailable(Exception):
    """The database did not answer; whether the batch was written is not known."""


class BatchLog(Protocol):
    async def append(self, events: Sequence[Event], at: datetime) -> None:
        """Write all `events` in one transaction. Raises Conflict or Unavailable."""

    async def stored(self, firsts: dict[UUID, int]) -> list[Event]:
        """The events each stream has from the given seq on. Raises Unavailable."""

    async def fetch(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple]:
        """Run one statement in a transaction of its own (`%s` marks parameters). Raises Unavailable."""

    async def close(self) -> None: ...


def open_batch_log() -> BatchLog:
    """The batch log of Django's default database."""
    settings = connections["default"].settings_dict
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        return SqliteBatchLog(str(settings["NAME"]))
    return PostgresBatchLog(_connection_parameters(settings))


def _connection_parameters(settings: dict) -> dict:
    """libpq's parameters from an entry of DATABASES; its OPTIONS but for those that only Django knows."""
    named = {"dbname": "NAME", "host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    only_django = {"pool", "isolation_level", "server_side_binding", "assume_role"}
    parameters = {key: settings[name] for key, name in named.items() if settings.get(name)}
    return parameters | {key: value for key, value in settings["OPTIONS"].items() if key not in only_django}


class PostgresBatchLog:
    """One asynchronous connection, COPY for appending. Reconnects by itself."""

    def __init__(self, parameters: dict) -> None:
        self._parameters = parameters
        self._connection: psycopg.AsyncConnection | None = None
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

    async def stored(self, firsts: dict[UUID, int]) -> list[Event]:
        rows = await self.fetch(
            "SELECT e.stream, e.seq, e.kind, e.data FROM streams_event e"
            " JOIN unnest(%s::uuid[], %s::int[]) AS f (stream, seq) ON e.stream = f.stream AND e.seq >= f.seq"
            " ORDER BY e.stream, e.seq",
            (list(firsts), list(firsts.values())),
        )
        return [Event(stream, seq, kind, data.encode()) for stream, seq, kind, data in rows]

    async def fetch(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple]:
        async with self._use() as connection:
            cursor = await connection.execute(query, parameters)
            return await cursor.fetchall() if cursor.description else []

    @contextlib.asynccontextmanager
    async def _use(self):
        """The connection, for one statement at a time; one that broke is dropped."""
        async with self._lock:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await psycopg.AsyncConnection.connect(**self._parameters, autocommit=True)
                yield self._connection
            except (psycopg.Error, OSError) as error:
                await self._drop()
                raise Unavailable(str(error)) from error
            except asyncio.CancelledError:
                await self._drop()  # a statement may be half-way
                raise

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def close(self) -> None:
        async with self._lock:
            await self._drop()


def _binary(events: Sequence[Event], at: datetime) -> bytes:
    """Rows as COPY reads them fastest: the number of fields, then each with its length before it."""
    stamp = STAMP.pack(8, (at - POSTGRES_EPOCH) // timedelta(microseconds=1))
    parts = [COPY_HEAD]
    for stream, seq, kind, data in events:
        parts += (ROW.pack(5, 16, stream.bytes, 4, seq, len(kind)), kind.encode(), LENGTH.pack(len(data)), data, stamp)
    parts.append(COPY_END)
    return b"".join(parts)


class SqliteBatchLog:
    """One connection in one native thread (SQLite blocks, and gevent must not notice)."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._jobs = original("queue", "SimpleQueue")()
        original("_thread", "start_new_thread")(self._run, ())

    async def append(self, events: Sequence[Event], at: datetime) -> None:
        stamp = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        rows = [(event.stream.hex, event.seq, event.kind, event.data.decode(), stamp) for event in events]
        await self._call(self._insert, rows)

    @staticmethod
    def _insert(connection: sqlite3.Connection, rows: list[tuple]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                "INSERT INTO streams_event (stream, seq, kind, data, at) VALUES (?, ?, ?, ?, ?)", rows
            )
        except sqlite3.IntegrityError as error:
            connection.execute("ROLLBACK")
            raise Conflict from error
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    async def stored(self, firsts: dict[UUID, int]) -> list[Event]:
        events = []
        streams = list(firsts)
        for start in range(0, len(streams), SQLITE_READ_STREAMS):
            part = streams[start : start + SQLITE_READ_STREAMS]
            where = " OR ".join(["stream = %s AND seq >= %s"] * len(part))
            parameters = [value for stream in part for value in (stream.hex, firsts[stream])]
            query = f"SELECT stream, seq, kind, data FROM streams_event WHERE {where} ORDER BY stream, seq"
            events += await self.fetch(query, parameters)
        return [Event(UUID(stream), seq, kind, data.encode()) for stream, seq, kind, data in events]

    async def fetch(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple]:
        return await self._call(lambda connection: connection.execute(query.replace("%s", "?"), parameters).fetchall())

    async def close(self) -> None:
        self._jobs.put(None)

    async def _call(self, function: Callable, *args: Any) -> Any:
        future = self._loop.create_future()
        self._jobs.put((function, args, future))
        return await future

    def _run(self) -> None:
        connection = None
        while job := self._jobs.get():
            function, args, future = job
            result, failure = None, None
            try:
                connection = connection or self._connect()
                result = function(connection, *args)
            except sqlite3.Error as error:
                failure = Unavailable(str(error))
            except BaseException as error:
                failure = error
            self._loop.call_soon_threadsafe(self._settle, future, result, failure)
        if connection is not None:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=SQLITE_BUSY_SECONDS, isolation_level=None, uri=self._path.startswith("file:")
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    @staticmethod
    def _settle(future: asyncio.Future, result: Any, failure: BaseException | None) -> None:
        if future.done():  # whoever asked has been cancelled
            return
        if failure is None:
            future.set_result(result)
        else:
            future.set_exception(failure)


def by_stream(events: Sequence[Event]) -> dict[UUID, list[Event]]:
    """Events grouped by stream, each group in order of seq."""
    ordered = sorted(events, key=lambda event: (event.stream, event.seq))
    return {stream: list(group) for stream, group in groupby(ordered, key=lambda event: event.stream)}
