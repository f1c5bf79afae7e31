"""One ear a web process: receives the batches of all shards its followers need and hands events to them.

Channels would dispatch every message to every consumer (0.4 ms each); the hub holds one channel, reads it in one task
and puts events into its followers' bounded queues. A follower that is too slow loses its queue, not its place: it is
told to read the log. So is a follower whose log has grown without its hearing of it (a lost group message).
"""

import asyncio
import itertools
import logging
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from uuid import UUID

from channels.layers import get_channel_layer
from django.conf import settings
from django.db import close_old_connections

from streams import metrics
from streams.delivery.fanout import group_of, shard_of
from streams.eventloop import is_cancelling
from streams.log import store
from streams.owner import stream_owner

logger = logging.getLogger(__name__)

QUEUE_EVENTS = 512  # events that wait for a slow follower (25 s at 20 tokens/s) before it is sent to the log
QUEUE_BYTES = 256 * 1024  # of envelopes that wait so, should they be large
READER_THREADS = 4  # threads, and database connections, that read the log for all followers of a process
SUBSCRIBE_SECONDS = 1.0  # s to join a shard; after that a follower lives on the log until a sweep has joined it
LATE_MESSAGE_FRACTION = 1 / 3  # of the time between sweeps: what was on its way when the log was asked has come by then
RESTART_SECONDS = 1.0  # s before the receiving task starts again after a failure

_readers = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="log-reader")


async def in_reader_thread(function, *args):
    """Run a synchronous read in a thread of its own pool, never in the one thread that views share."""

    def call():
        close_old_connections()
        try:
            return function(*args)
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_readers, call)


class EncodedEvent(NamedTuple):
    """One event as it came through the group."""

    seq: int
    is_final: bool
    envelope: bytes


class Follower:
    """One reader's place at the hub: a bounded queue of live events, and a way past it.

    While the owner waits in `take`, `shortcut` is offered what comes; if it takes that (True), the owner is not woken.
    """

    __slots__ = ("_bytes", "_queue", "_waiting", "is_behind", "is_ended", "last_seq", "shortcut", "stream")

    def __init__(self, stream: UUID) -> None:
        self.stream = stream
        self.is_behind = False  # something was not delivered: read the log
        self.is_ended = False  # the owner has had the final event
        self.last_seq = 0  # the highest seq put here or read by the owner
        self.shortcut: Callable[[list[EncodedEvent]], bool] | None = None
        self._queue: list[EncodedEvent] = []
        self._bytes = 0
        self._waiting: asyncio.Future | None = None

    def put(self, events: list[EncodedEvent]) -> None:
        """Events of this follower's stream, in order."""
        if events[-1].seq > self.last_seq:
            self.last_seq = events[-1].seq
        if self._waiting is not None and not self._queue and self.shortcut is not None:
            try:
                if self.shortcut(events):
                    return
            except Exception:  # its connection is broken; the owner finds out, and other followers have their events
                logger.info("sending at once failed", exc_info=True)
        if not self.is_behind:
            self._queue += events
            self._bytes += sum(len(event.envelope) for event in events)
            if len(self._queue) > QUEUE_EVENTS or self._bytes > QUEUE_BYTES:
                self.fall_behind()
        self._wake()

    def fall_behind(self) -> None:
        metrics.fell_behind.inc()
        self._queue, self._bytes = [], 0
        self.is_behind = True
        self._wake()

    async def take(self, timeout: float) -> list[EncodedEvent]:
        """All events that wait here, after waiting up to `timeout` s for one that the shortcut does not take."""
        if not self._queue and not self.is_behind:
            await self._wait(timeout)
        events, self._queue, self._bytes = self._queue, [], 0
        return events

    async def _wait(self, timeout: float) -> None:
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        alarm = loop.call_later(timeout, self._wake)
        try:
            await self._waiting
        finally:
            alarm.cancel()
            self._waiting = None

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)


class Hub:
    """The followers of one event loop, and the one channel they share."""

    def __init__(self) -> None:
        self._followers: dict[bytes, set[Follower]] = {}  # by the stream's bytes, as they come in messages
        self._shards: dict[int, int] = defaultdict(int)  # followers in each shard
        self._joined: set[int] = set()
        self._layer = get_channel_layer()
        self._channel: str | None = None
        self._has_channel = asyncio.Event()
        self._lock = asyncio.Lock()
        self._tasks: list[asyncio.Task] = []
        self._leaving: set[asyncio.Future] = set()

    async def register(self, stream: UUID) -> Follower:
        """Add a follower. What is committed after this returns reaches it, live or through the log."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._sweep_forever())]
        follower = Follower(stream)
        self._followers.setdefault(stream.bytes, set()).add(follower)
        self._shards[shard_of(stream)] += 1
        try:
            async with asyncio.timeout(SUBSCRIBE_SECONDS):
                await self._join(shard_of(stream), follower)
        except Exception as error:
            logger.warning("could not join a shard, following the log until the next sweep: %r", error)
        except BaseException:
            self.unregister(follower)
            raise
        return follower

    def unregister(self, follower: Follower) -> None:
        followers = self._followers[follower.stream.bytes]
        followers.discard(follower)
        if not followers:
            del self._followers[follower.stream.bytes]
            if not follower.is_ended:
                self._leave(follower.stream)
        self._shards[shard_of(follower.stream)] -= 1

    def _leave(self, stream: UUID) -> None:
        """Tell the stream's owner that nobody here follows it any more."""
        task = asyncio.ensure_future(in_reader_thread(stream_owner().on_last_follower_left, stream))
        self._leaving.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: asyncio.Future) -> None:
        self._leaving.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.warning("the end of following could not be told: %r", task.exception())

    @property
    def follower_count(self) -> int:
        return sum(map(len, tuple(self._followers.values())))

    async def _join(self, shard: int, newcomer: Follower | None = None) -> None:
        if shard in self._joined:
            return
        async with self._lock:
            if self._channel is None:
                self._channel = await self._layer.new_channel("streams.")
                self._has_channel.set()
            if shard not in self._joined:
                await self._layer.group_add(group_of(shard), self._channel)
                self._joined.add(shard)
                self._catch_up(shard, newcomer)

    def _catch_up(self, shard: int, newcomer: Follower | None) -> None:
        """Who came when the shard could not be joined has missed what was said in it, also by what has no log."""
        for follower in itertools.chain.from_iterable(self._followers.values()):
            if follower is not newcomer and shard_of(follower.stream) == shard:
                follower.fall_behind()

    async def _leave_idle_shards(self) -> None:
        async with self._lock:
            for shard in [shard for shard in self._joined if not self._shards[shard]]:
                await self._layer.group_discard(group_of(shard), self._channel)
                self._joined.discard(shard)

    async def _receive(self) -> None:
        await self._has_channel.wait()
        while not is_cancelling():
            try:
                message = await self._layer.receive(self._channel)
                self._deliver(message["streams"])
                metrics.observe_delivery(message.get("at"))
            except Exception:
                logger.exception("receiving failed, followers will read the log")
                await asyncio.sleep(RESTART_SECONDS)

    def _deliver(self, entries: list) -> None:
        for stream, first, is_final, envelopes in entries:
            if followers := self._followers.get(stream):
                last = first + len(envelopes) - 1
                events = [
                    EncodedEvent(seq, is_final and seq == last, said) for seq, said in enumerate(envelopes, first)
                ]
                for follower in followers:
                    follower.put(events)

    async def _sweep_forever(self) -> None:
        """Look up streams in the log, all at once, so that a lost message is found without every follower asking."""
        while not is_cancelling():
            await asyncio.sleep(settings.STREAMS_SWEEP_SECONDS)
            try:
                await self._leave_idle_shards()
                for shard in [shard for shard, count in self._shards.items() if count]:
                    await self._join(shard)
                await self._sweep()
            except Exception as error:
                logger.warning("sweep failed, trying again: %r", error)

    async def _sweep(self) -> None:
        if not self._followers:
            return
        followed = {next(iter(followers)).stream: followers for followers in self._followers.values()}
        seen = {stream: min(follower.last_seq for follower in followers) for stream, followers in followed.items()}
        grown = await in_reader_thread(_grown_streams, seen)
        if grown:
            await asyncio.sleep(settings.STREAMS_SWEEP_SECONDS * LATE_MESSAGE_FRACTION)
        for stream in grown:
            for follower in followed[stream]:
                if follower.last_seq <= seen[stream]:
                    follower.fall_behind()


def _grown_streams(seen: dict[UUID, int]) -> set[UUID]:
    """The streams that have grown unheard, after their owner had a chance to end those that are dead."""
    stream_owner().on_followed(seen.keys())
    return store.grown(seen)


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        for closed in [other for other in _hubs if other.is_closed()]:
            del _hubs[closed]
        _hubs[loop] = Hub()
    return _hubs[loop]


def follower_count() -> int:
    """How many followers this process has. From any thread."""
    return sum(hub.follower_count for hub in list(_hubs.values()))
