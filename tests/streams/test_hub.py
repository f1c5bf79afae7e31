"""A follower's place at the hub: bounded, whatever its reader does."""

import asyncio
from uuid import UUID

import pytest

from streams.delivery.hub import QUEUE_BYTES, QUEUE_EVENTS, EncodedEvent, Follower


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
