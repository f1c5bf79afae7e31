"""From the log to every web process: one Channels group message a shard, for all events of a batch.

Streams are spread over a fixed number of groups ("shards"), so that a web process joins few groups however many streams
it follows. Only committed events are sent. A message that fails or is dropped loses nothing: followers notice a gap, or
the silence, and read the log.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer
from django.conf import settings

from streams.eventloop import is_cancelling
from streams.events import FINAL_KINDS, Event, envelope

logger = logging.getLogger(__name__)

MESSAGE_TYPE = "streams.batch"
QUEUE_BATCHES = 200  # batches queued for a slow Redis (about 1 s of a busy worker); more are dropped
FAILURE_PAUSE_SECONDS = 0.5  # s between tries when Redis is away


def shard_of(stream: UUID) -> int:
    shards: int = settings.STREAMS_SHARDS
    return stream.int % shards  # the low bits of a UUID are random


def group_of(shard: int) -> str:
    return f"streams.{shard}"


def group_messages(events: Iterable[Event]) -> dict[int, dict[str, Any]]:
    """Return the group message of each shard: entries `[stream, first seq, is_final, [envelope, …]]`.

    An entry is a part of one stream without gaps; only its last event can be final.
    """
    entries: dict[UUID, list[Any]] = {}
    shards: defaultdict[int, list[list[Any]]] = defaultdict(list)
    count = settings.STREAMS_SHARDS  # looked up once: settings are slow
    for stream, seq, kind, data in events:
        encoded, entry = envelope(stream, seq, kind, data), entries.get(stream)
        if entry is not None and seq == entry[1] + len(entry[3]):
            entry[2] = kind in FINAL_KINDS
            entry[3].append(encoded)
        else:
            entries[stream] = entry = [stream.bytes, seq, kind in FINAL_KINDS, [encoded]]
            shards[stream.int % count].append(entry)
    common = {"type": MESSAGE_TYPE, "at": time.time()}
    return {shard: {**common, "streams": entries_of_shard} for shard, entries_of_shard in shards.items()}


class Sender:
    """Sends batches in order from a task of its own, so that a slow Redis never delays a commit."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Sequence[Event]] = asyncio.Queue(QUEUE_BATCHES)
        self.dropped = 0  # batches

    def put(self, events: Sequence[Event]) -> None:
        try:
            self._queue.put_nowait(events)
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        layer = get_channel_layer()
        while not is_cancelling():
            events = await self._queue.get()
            try:
                for shard, message in group_messages(events).items():
                    await layer.group_send(group_of(shard), message)
            except Exception as error:
                self.dropped += 1
                logger.warning("fan-out failed, followers will read the log: %r", error)
                await asyncio.sleep(FAILURE_PAUSE_SECONDS)
            finally:
                self._queue.task_done()

    async def drain(self) -> None:
        """Wait until everything queued has been sent or dropped."""
        await self._queue.join()
