"""The shape of a stream: with it and the message the stream can be told again, event for event.

A log is compacted some minutes after the end: one snapshot replaces its deltas (`streams.log.compaction`). But programs
come back days later with the number of the last event that they have seen. So before that, the score is kept: for each
event but the last its kind and, for what was said, how many characters of it. The words themselves are in the snapshot.

The score is a JSON array with one entry for each event, from seq 1 on: `n` is a text of n characters, `["r", n]` as
much reasoning, `["t", index, {"id": n, …}]` pieces of a tool call, and `[kind, data]` whatever else.
"""

from collections.abc import Iterable, Iterator
from uuid import UUID

import orjson
from django.dispatch import receiver

from chatapp.openai.models import Exchange
from runs.models import Run
from runs.signals import compacting
from streams.events import Event, Kind
from streams.log import store

PIECES = ("id", "name", "arguments")


@receiver(compacting, sender=Run, dispatch_uid="openai.compacting")
def keep_score(run_id: UUID, **kwargs) -> None:
    """Write the score of a run that a program asked for, if the log is still whole. Doing it twice does no harm."""
    if not Exchange.objects.filter(pk=run_id, score="").exists():
        return
    events = list(store.read_all(run_id))
    if not any(event.kind == Kind.SNAPSHOT for event in events):
        Exchange.objects.filter(pk=run_id).update(score=score_of(events).decode())


def score_of(events: Iterable[Event]) -> bytes:
    """The score of all events up to the final one, which stays in the log for ever."""
    return orjson.dumps([_note(event) for event in events if not event.is_final])


def _note(event: Event) -> object:
    data = orjson.loads(event.data)
    match event.kind:
        case Kind.TEXT:
            return len(data["text"])
        case Kind.REASONING:
            return ["r", len(data["text"])]
        case Kind.TOOL:
            return ["t", data["index"], {name: len(data[name]) for name in PIECES if name in data}]
    return [event.kind, data]


def play(stream: UUID, score: str, snapshot: dict) -> Iterator[Event]:
    """The events that the score was written from; `snapshot` is the data of one that says the same."""
    text, reasoning = _Tape(snapshot["text"]), _Tape(snapshot["reasoning"])
    tools = {tool["index"]: {name: _Tape(tool[name]) for name in PIECES} for tool in snapshot["tools"]}
    for seq, note in enumerate(orjson.loads(score), start=1):
        match note:
            case int():
                kind, data = Kind.TEXT, {"text": text.take(note)}
            case ["r", count]:
                kind, data = Kind.REASONING, {"text": reasoning.take(count)}
            case ["t", index, counts]:
                pieces = {name: tools[index][name].take(count) for name, count in counts.items()}
                kind, data = Kind.TOOL, {"index": index} | pieces
            case [kind, data]:
                pass
        yield Event(stream, seq, kind, orjson.dumps(data))


class _Tape:
    """A text that is taken piece by piece."""

    def __init__(self, text: str) -> None:
        self._text, self._place = text, 0

    def take(self, count: int) -> str:
        piece = self._text[self._place : self._place + count]
        self._place += count
        return piece
