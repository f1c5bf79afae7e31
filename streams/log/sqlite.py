"""The batch log on SQLite."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from streams.events import Event
from streams.gevent_compat import unpatched
from streams.log.batch import Conflict, Unavailable

SQLITE_BUSY_SECONDS = 20  # s to wait for another writer
SQLITE_READ_STREAMS = 500  # streams in one query; SQLite's limit on variables is 32,766


class SqliteBatchLog:
    """One connection in one native thread (SQLite blocks, and gevent must not notice)."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._jobs = unpatched("queue", "SimpleQueue")()
        unpatched("_thread", "start_new_thread")(self._run, ())

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

    async def read_from(self, firsts: dict[UUID, int]) -> list[Event]:
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
