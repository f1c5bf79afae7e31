"""What happened to each request: asked for by tests at `/connections`."""

import asyncio
import time
from dataclasses import asdict, dataclass, field


@dataclass
class Connection:
    """One request. Times are `time.monotonic()`, which all processes of a machine share."""

    id: int
    tag: str
    body: dict
    headers: dict[str, str]
    started: float = field(default_factory=time.monotonic)
    tokens: int = 0  # sent so far
    stalled: float | None = None  # since when it waits, for a release or for ever
    ended: str = ""  # finished | refused | interrupted | closed by client
    ended_at: float | None = None

    def as_dict(self) -> dict:
        return asdict(self)


class Record:
    """All connections in order, and a bell that rings whenever one of them changes."""

    def __init__(self):
        self.connections: list[Connection] = []
        self._by_tag: dict[str, list[Connection]] = {}
        self._bells: dict[str, asyncio.Event] = {}
        self._permits: dict[str, asyncio.Semaphore] = {}

    def begin(self, tag: str, body: dict, headers: dict[str, str]) -> Connection:
        connection = Connection(len(self.connections) + 1, tag, body, headers)
        self.connections.append(connection)
        self._by_tag.setdefault(tag, []).append(connection)
        self.ring(tag)
        return connection

    def of(self, tag: str) -> list[Connection]:
        return self._by_tag.get(tag, [])

    def end(self, connection: Connection, how: str) -> None:
        """Note the end; the first word counts."""
        if not connection.ended:
            connection.ended, connection.ended_at, connection.stalled = how, time.monotonic(), None
            self.ring(connection.tag)

    def stall(self, connection: Connection, since: float | None) -> None:
        connection.stalled = since
        self.ring(connection.tag)

    def ring(self, tag: str) -> None:
        if bell := self._bells.pop(tag, None):
            bell.set()

    async def change(self, tag: str) -> None:
        await self._bells.setdefault(tag, asyncio.Event()).wait()

    def permits(self, tag: str) -> asyncio.Semaphore:
        """One permit lets one hold of this tag pass, now or later."""
        return self._permits.setdefault(tag, asyncio.Semaphore(0))
