"""The outline of a stream: with it and a snapshot, the stream can be restored event for event.

A log is compacted some minutes after the run's end: one snapshot replaces its deltas (`streams.log.compaction`). But
clients may resume days later after the last event they have seen. So the outline is saved before compaction: the
kind of each event but the last and, for text, its number of characters. The text itself is in the snapshot.

The outline is a JSON array with one entry for each event, from seq 1 on: `n` is a text of n characters, `["f", n]` one
that is a refusal, `["r", n]` reasoning of n characters, `["t", index, {"id": n, …}]` a delta of a tool call, and
`[kind, data]` any other event.
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
def save_outline(run_id: UUID, **kwargs) -> None:
    """Save the outline of an API request's run, if the log is still complete. Idempotent."""
    if not Exchange.objects.filter(pk=run_id, score="").exists():
        return
    events = list(store.read_all(run_id))
    if not any(event.kind == Kind.SNAPSHOT for event in events):
        Exchange.objects.filter(pk=run_id).update(score=outline_of(events).decode())


def outline_of(events: Iterable[Event]) -> bytes:
    """The outline of all events but the final one, which always stays in the log."""
    return orjson.dumps([_outline_entry(event) for event in events if not event.is_final])


def _outline_entry(event: Event) -> object:
    data = orjson.loads(event.data)
    match event.kind:
        case Kind.TEXT:
            return ["f", len(data["text"])] if "refusal" in data else len(data["text"])
        case Kind.REASONING:
            return ["r", len(data["text"])]
        case Kind.TOOL:
            return ["t", data["index"], {name: len(data[name]) for name in PIECES if name in data}]
    return [event.kind, data]


def expand(stream: UUID, outline: str, snapshot: dict) -> Iterator[Event]:
    """Restore the events of an outline; `snapshot` is the data of the snapshot that replaced them."""
    text, reasoning = TextReader(snapshot["text"]), TextReader(snapshot["reasoning"])
    tools = {tool["index"]: {name: TextReader(tool[name]) for name in PIECES} for tool in snapshot["tools"]}
    for seq, entry in enumerate(orjson.loads(outline), start=1):
        match entry:
            case int():
                kind, data = Kind.TEXT, {"text": text.read(entry)}
            case ["f", count]:
                kind, data = Kind.TEXT, {"text": text.read(count), "refusal": True}
            case ["r", count]:
                kind, data = Kind.REASONING, {"text": reasoning.read(count)}
            case ["t", index, counts]:
                pieces = {name: tools[index][name].read(count) for name, count in counts.items()}
                kind, data = Kind.TOOL, {"index": index} | pieces
            case [kind, data]:
                pass
        yield Event(stream, seq, kind, orjson.dumps(data))


class TextReader:
    """Reads a text piece by piece."""

    def __init__(self, text: str) -> None:
        self._text, self._position = text, 0

    def read(self, count: int) -> str:
        piece = self._text[self._position : self._position + count]
        self._position += count
        return piece
