"""A follower's place at the hub: bounded, whatever its reader does."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from streams.delivery.fanout import shard_of
from streams.delivery.hub import QUEUE_BYTES, QUEUE_EVENTS, EncodedEvent, Follower, Hub
from streams.transports import page_events, websocket
from streams.transports.backpressure import ClientSender


def live_events(count: int, size: int, first: int = 1) -> list[EncodedEvent]:
    return [EncodedEvent(seq, False, b"x" * size) for seq in range(first, first + count)]


@pytest.mark.parametrize(("count", "size"), [(QUEUE_EVENTS, 1), (4, QUEUE_BYTES // 4)])
def test_a_slow_reader_loses_its_queue_but_not_its_position(count, size):  # B28
    async def take():
        return await follower.take(0)

    follower, fitting = Follower(UUID(int=1)), live_events(count, size)
    for event in fitting:
        follower.put([event])
    assert not follower.is_behind
    assert asyncio.run(take()) == fitting

    # One more than fits should be too much
    for event in live_events(count + 1, size):
        follower.put([event])
    assert (follower.is_behind, follower.last_seq) == (True, count + 1)
    assert asyncio.run(take()) == []

    # Nothing should be kept for who has to read the log anyway
    follower.put(live_events(1, 1, count + 2))
    assert asyncio.run(take()) == []


def test_a_page_that_returns_to_the_same_process_was_not_away(other_owner, settings):  # B42
    settings.STREAMS_RETURN_SECONDS = 0.01
    stream, calls = UUID(int=1), []
    lease = datetime(2026, 1, 1, tzinfo=UTC)

    async def leave_twice():
        hub = Hub()
        hub._tasks, hub._joined = [None], {shard_of(stream)}  # no channel layer
        hub.unregister(await hub.register(stream, may_return=True))
        (first,) = hub._notifications
        back = await hub.register(stream, may_return=True)
        await asyncio.wait([first])
        assert first.cancelled() and calls == []

        # One that is followed elsewhere should be looked after until that ends, too
        hub.unregister(back)
        (second,) = hub._notifications
        await second
        await asyncio.sleep(0)
        assert (hub._absences, hub._notifications) == ({}, set())

    def on_no_return(stream, until):
        calls.append(until)
        return lease if len(calls) == 1 else None

    with other_owner(followed_until=lambda stream: lease, on_no_return=on_no_return):
        asyncio.run(leave_twice())
    assert calls == [lease, lease]


@pytest.mark.parametrize("module", [websocket, page_events], ids=["WebSocket", "server-sent events"])
def test_a_page_may_return_whatever_it_follows_through(module, monkeypatch):  # B42
    flags = []

    async def follow(stream, after, *, shortcut, may_return=False):
        flags.append(may_return)
        for batch in ():
            yield batch

    async def send(message):
        pass

    async def pump():
        connection = websocket._Socket if module is websocket else page_events._PageEvents
        sender = send if module is websocket else ClientSender(send)
        await connection(None, sender)._pump(UUID(int=1), 0)

    monkeypatch.setattr(module, "follow", follow)
    asyncio.run(pump())
    assert flags == [True]
