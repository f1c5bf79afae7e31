"""The batch log on SQLite."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar, TypeVarTuple
from uuid import UUID

from streams.events import Event
from streams.gevent_compat import unpatched
from streams.log.batch import Conflict, Unavailable

T = TypeVar("T")
Args = TypeVarTuple("Args")

BUSY_SECONDS = 20  # s to wait for another writer
STREAMS_PER_QUERY = 500  # SQLite's limit on variables is 32,766


class SqliteBatchLog:
    """Implements `BatchLog` with one connection in one native thread: SQLite blocks, which must not stop gevent."""

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
    def _insert(connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
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
        rows: list[tuple[Any, ...]] = []
        streams = list(firsts)
        for start in range(0, len(streams), STREAMS_PER_QUERY):
            part = streams[start : start + STREAMS_PER_QUERY]
            where = " OR ".join(["stream = %s AND seq >= %s"] * len(part))
            parameters = [value for stream in part for value in (stream.hex, firsts[stream])]
            query = f"SELECT stream, seq, kind, data FROM streams_event WHERE {where} ORDER BY stream, seq"
            rows += await self.fetch(query, parameters)
        return [Event(UUID(stream), seq, kind, data.encode()) for stream, seq, kind, data in rows]

    async def fetch(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return await self._call(lambda connection: connection.execute(query.replace("%s", "?"), parameters).fetchall())

    async def close(self) -> None:
        self._jobs.put(None)

    async def _call(self, function: Callable[[sqlite3.Connection, *Args], T], *args: *Args) -> T:
        """Run `function(connection, *args)` in the thread."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((function, args, future))
        return await future

    def _run(self) -> None:
        connection = None
        while job := self._jobs.get():
            function, args, future = job
            result: Any = None
            failure: BaseException | None = None
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
            self._path, timeout=BUSY_SECONDS, isolation_level=None, uri=self._path.startswith("file:")
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    @staticmethod
    def _settle(future: asyncio.Future[Any], result: Any, failure: BaseException | None) -> None:
        if future.done():  # the caller has been cancelled
            return
        if failure is None:
            future.set_result(result)
        else:
            future.set_exception(failure)
