"""From what an upstream says to the events of one run's stream."""

from collections.abc import Callable
from uuid import UUID

import orjson

from runs.errors import EmptyAnswer
from runs.providers.openai import FINISH, Delta
from streams.events import Kind
from streams.publish import BatchWriter


class Recorder:
    """Writes one run's deltas through the process's batch writer. Lives in the engine's loop."""

    def __init__(self, writer: BatchWriter, stream: UUID, after: int, on_fenced: Callable[[], None]) -> None:
        self._writer = writer
        self._pen = writer.open(stream, after, on_fenced)
        self._said_something = False
        self.finish_reason = ""

    async def record(self, deltas: list[Delta]) -> None:
        """Hand in what was read; waits while the database is behind, so that the upstream is not read meanwhile."""
        for kind, data in deltas:
            if kind == FINISH:
                self.finish_reason = data["finish_reason"]
                continue
            self._said_something = self._said_something or kind != Kind.USAGE
            self._writer.write(self._pen, kind, orjson.dumps(data))
        await self._writer.room()

    def check(self) -> None:
        """Raise EmptyAnswer if the upstream has ended and said nothing."""
        if not self._said_something:
            raise EmptyAnswer

    async def close(self) -> None:
        """Wait until everything handed in is in the log."""
        try:
            await self._writer.flush()
        finally:
            self._writer.close(self._pen)
