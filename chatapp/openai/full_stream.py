"""A run's stream as it was at first, whatever the log keeps of it now, and whenever one asks."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing
from typing import NamedTuple
from uuid import UUID

import orjson

from chatapp.openai.models import Exchange
from chatapp.openai.stream_outline import play
from streams.delivery.follow import follow
from streams.delivery.hub import EncodedEvent, in_reader_thread
from streams.events import FINAL_KINDS, Kind
from streams.log import store


class Said(NamedTuple):
    """An event, its data read."""

    seq: int
    kind: str
    data: dict

    @property
    def is_final(self) -> bool:
        return self.kind in FINAL_KINDS


async def follow_original(stream: UUID, idle: float) -> AsyncIterator[list[Said]]:
    """Yield all events from the first to the final one, batch by batch, and an empty batch after `idle` s of silence.

    Whoever iterates has to close it: that is how an attached run hears at once that nobody follows it any more.
    """
    place = 0
    async with aclosing(follow(stream, 0, idle)) as batches:
        async for batch in batches:
            said = _parse(batch)
            if any(one.kind == Kind.SNAPSHOT for one in said):
                said = await in_reader_thread(lambda said=said, place=place: list(_expand(stream, said, place)))
            place = said[-1].seq if said else place
            yield said


def read_original(stream: UUID) -> list[Said]:
    """All events up to now."""
    logged = [Said(event.seq, event.kind, orjson.loads(event.data)) for event in store.read_all(stream)]
    return list(_expand(stream, logged, 0))


def _parse(batch: list[EncodedEvent]) -> list[Said]:
    """What is in the envelopes; those with seq 0 are words of the connection."""
    envelopes = [orjson.loads(live.envelope) for live in batch if live.seq]
    return [Said(envelope["seq"], envelope["kind"], envelope["data"]) for envelope in envelopes]


def _expand(stream: UUID, said: Iterable[Said], place: int) -> Iterator[Said]:
    """In the place of a snapshot the events that it replaced, without those up to `place`."""
    for one in said:
        if one.kind == Kind.SNAPSHOT:
            score = Exchange.objects.values_list("score", flat=True).get(pk=stream)
            for event in play(stream, score, one.data):
                if place < event.seq <= one.seq:
                    yield Said(event.seq, event.kind, orjson.loads(event.data))
        else:
            yield one
        place = one.seq
