"""A run's complete stream with all its events, even after the log was compacted."""

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from typing import NamedTuple
from uuid import UUID

import orjson

from chatapp.openai.models import Exchange
from chatapp.openai.stream_outline import expand
from streams.delivery.follow import follow
from streams.delivery.hub import EncodedEvent, in_reader_thread
from streams.events import FINAL_KINDS, Kind
from streams.log import store


class RunEvent(NamedTuple):
    """An event with its data decoded."""

    seq: int
    kind: str
    data: dict

    @property
    def is_final(self) -> bool:
        return self.kind in FINAL_KINDS


async def follow_full_stream(stream: UUID, idle: float) -> AsyncGenerator[list[RunEvent]]:
    """Yield all events from the first to the final one in batches, and an empty batch after `idle` s of silence.

    Callers must close it, which immediately reports the lost follower to an attached run.
    """
    seq = 0
    async with aclosing(follow(stream, 0, idle)) as batches:
        async for batch in batches:
            events = _parse(batch)
            if any(event.kind == Kind.SNAPSHOT for event in events):
                events = await in_reader_thread(lambda events=events, seq=seq: list(_expand(stream, events, seq)))
            seq = events[-1].seq if events else seq
            yield events


def read_full_stream(stream: UUID) -> list[RunEvent]:
    """All events so far."""
    logged = [RunEvent(event.seq, event.kind, orjson.loads(event.data)) for event in store.read_all(stream)]
    return list(_expand(stream, logged, 0))


def _parse(batch: list[EncodedEvent]) -> list[RunEvent]:
    """Decode the events of a stream; seq 0 marks control events of the connection."""
    envelopes = [orjson.loads(live.envelope) for live in batch if live.seq]
    return [RunEvent(envelope["seq"], envelope["kind"], envelope["data"]) for envelope in envelopes]


def _expand(stream: UUID, events: Iterable[RunEvent], after: int) -> Iterator[RunEvent]:
    """Replace each snapshot with the events it stands for, without those up to seq `after`."""
    for event in events:
        if event.kind == Kind.SNAPSHOT:
            outline = Exchange.objects.values_list("score", flat=True).get(pk=stream)
            if not outline:  # it stands for nothing that was compacted: the model's text so far was reasoning
                yield event
                continue
            for original in expand(stream, outline, event.data):
                if after < original.seq <= event.seq:
                    yield RunEvent(original.seq, original.kind, orjson.loads(original.data))
        else:
            yield event
        after = event.seq
