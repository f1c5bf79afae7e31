"""The hub of a web process: receives the batches of all shards its followers need and hands the events to them.

Channels would dispatch every message to every consumer (0.4 ms each). The hub holds one channel, reads it in one task
and puts events into its followers' bounded queues. A follower that is too slow loses its queue, not its position: it
goes back to reading the log. So does a follower whose log has grown unnoticed (a lost group message).
"""

import asyncio
import itertools
import logging
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, TypeVar, TypeVarTuple
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

T = TypeVar("T")
Args = TypeVarTuple("Args")

QUEUE_EVENTS = 512  # events queued for a slow follower (25 s at 20 tokens/s) before it has to read the log
QUEUE_BYTES = 256 * 1024  # of their envelopes, should those be large
READER_THREADS = 4  # threads, and database connections, that read the log for all followers of a process
SUBSCRIBE_SECONDS = 1.0  # s to join a shard; after that a follower reads the log until a sweep has joined it
LATE_MESSAGE_FRACTION = (
    1 / 3
)  # of the time between sweeps: messages in flight when the log was read have arrived after it
RESTART_SECONDS = 1.0  # s before the receiving task starts again after a failure

_readers = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="log-reader")


async def in_reader_thread(function: Callable[[*Args], T], *args: *Args) -> T:
    """Run `function(*args)`, which may use the ORM, in a pool of its own, never in the one thread that views share."""

    def call() -> T:
        close_old_connections()
        try:
            return function(*args)
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_readers, call)


class EncodedEvent(NamedTuple):
    """One event, ready to be sent."""

    seq: int
    is_final: bool
    envelope: bytes


class Follower:
    """One reader's registration at the hub: a bounded queue of live events, and a shortcut past it.

    While the reader waits in `take`, events go to `shortcut` first; if it accepts them (True), the reader is not woken.
    """

    __slots__ = (
        "_bytes",
        "_queue",
        "_waiting",
        "is_behind",
        "is_ended",
        "last_seq",
        "may_return",
        "shortcut",
        "stream",
    )

    def __init__(self, stream: UUID, may_return: bool = False) -> None:
        self.stream = stream
        self.may_return = may_return  # of a page, which may be back soon after its connection was lost
        self.is_behind = False  # something was not delivered: read the log
        self.is_ended = False  # the reader has had the final event
        self.last_seq = 0  # the highest seq put here, or read from the log by the reader
        self.shortcut: Callable[[list[EncodedEvent]], bool] | None = None
        self._queue: list[EncodedEvent] = []
        self._bytes = 0
        self._waiting: asyncio.Future[None] | None = None

    def put(self, events: list[EncodedEvent]) -> None:
        """Queue events of this follower's stream, in order, or pass them to the shortcut."""
        if events[-1].seq > self.last_seq:
            self.last_seq = events[-1].seq
        if self._waiting is not None and not self._queue and self.shortcut is not None:
            try:
                if self.shortcut(events):
                    return
            except Exception:  # its connection is broken, which its reader notices; other followers go on
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
        """Return all queued events, after waiting up to `timeout` s for one that the shortcut does not accept."""
        if not self._queue and not self.is_behind:
            await self._wait(timeout)
        events, self._queue, self._bytes = self._queue, [], 0
        return events

    async def _wait(self, timeout: float) -> None:
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        timer = loop.call_later(timeout, self._wake)
        try:
            await self._waiting
        finally:
            timer.cancel()
            self._waiting = None

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)


class Hub:
    """The followers of one event loop and the one channel that they share."""

    def __init__(self) -> None:
        self._followers: dict[bytes, set[Follower]] = {}  # by the stream's bytes, as they come in messages
        self._shards: dict[int, int] = defaultdict(int)  # followers in each shard
        self._joined: set[int] = set()
        self._layer = get_channel_layer()
        self._channel: str | None = None
        self._has_channel = asyncio.Event()
        self._lock = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._notifications: set[asyncio.Future[None]] = set()  # to the owner, in progress
        self._absences: dict[UUID, asyncio.Future[None]] = {}  # notifications that a return to this process cancels

    async def register(self, stream: UUID, may_return: bool = False) -> Follower:
        """Add a follower. Every event committed after this returns reaches it, live or through the log.

        One that `may_return` has left only when it did not return for STREAMS_RETURN_SECONDS.
        """
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._sweep_forever())]
        follower = Follower(stream, may_return)
        if absence := self._absences.pop(stream, None):
            absence.cancel()
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
                self._notify_owner(follower.stream, follower.may_return)
        self._shards[shard_of(follower.stream)] -= 1

    def _notify_owner(self, stream: UUID, may_return: bool) -> None:
        """Notify the owner that the stream's last follower in this process has left, or is away for too long."""
        if may_return:
            task = self._absences[stream] = asyncio.ensure_future(self._await_return(stream))
        else:
            task = asyncio.ensure_future(in_reader_thread(stream_owner().on_last_follower_left, stream))
        self._notifications.add(task)
        task.add_done_callback(partial(self._notified, stream))

    async def _await_return(self, stream: UUID) -> None:
        """Give the page the time to return to this process, which cancels this task, or to another one."""
        until = await in_reader_thread(stream_owner().followed_until, stream)
        while until is not None:
            await asyncio.sleep(settings.STREAMS_RETURN_SECONDS)
            until = await in_reader_thread(stream_owner().on_no_return, stream, until)

    def _notified(self, stream: UUID, task: asyncio.Future[None]) -> None:
        self._notifications.discard(task)
        if self._absences.get(stream) is task:
            del self._absences[stream]
        if not task.cancelled() and task.exception() is not None:
            logger.warning("could not notify the owner of a stream that its followers left: %r", task.exception())

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
        """Send the followers of a shard that was joined late to the log, or, without a log, to the current state."""
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

    def _deliver(self, entries: list[Any]) -> None:
        for stream, first, is_final, envelopes in entries:
            if followers := self._followers.get(stream):
                last = first + len(envelopes) - 1
                events = [
                    EncodedEvent(seq, is_final and seq == last, encoded) for seq, encoded in enumerate(envelopes, first)
                ]
                for follower in followers:
                    follower.put(events)

    async def _sweep_forever(self) -> None:
        """Look up all followed streams in the log at once, so that followers notice lost messages without polling."""
        clock, began = asyncio.get_running_loop().time, 0.0
        while not is_cancelling():
            period = settings.STREAMS_SWEEP_SECONDS  # from start to start: leases of followed streams depend on it
            await asyncio.sleep(min(period, max(period / 2, began + period - clock())))
            began = clock()
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
    """Return the streams that have grown, after their owner had a chance to end dead runs."""
    stream_owner().on_followed(seen.keys())
    return store.grown(seen)


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub() -> Hub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        for closed in [other for other in _hubs if other.is_closed()]:
            del _hubs[closed]
        _hubs[loop] = Hub()
    return _hubs[loop]


def follower_count() -> int:
    """Return the number of followers in this process. From any thread."""
    return sum(hub.follower_count for hub in list(_hubs.values()))
