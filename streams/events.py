"""The events of a stream: a closed set of kinds, their envelope, and their fold.

An event is one entry of a stream. Its `seq` counts 1, 2, 3 … without gaps; its `data` is a JSON object that
the log keeps as text, so that it is encoded once and reaches every reader unchanged. `docs/protocol.md`
describes each kind for clients.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson

MAX_DATA_BYTES = 768 * 1024  # of one event; daphne sends no WebSocket message above 1 MiB


class Kind(StrEnum):
    QUEUED = "run.queued"
    STARTED = "run.started"
    RETRYING = (
        "run.retrying"  # {"code": str, "seconds": float}: the request to the upstream is retried after this pause
    )
    TEXT = "text.delta"  # {"text": str, "refusal"?: True}
    REASONING = "reasoning.delta"  # {"text": str}
    # {"index": int, "id"?: str, "name"?: str, "arguments"?: str, "extra_content"?: {…}}; the last is the provider's own
    TOOL = "tool.delta"
    # with "cached_tokens"?: int, of the prompt, and "reasoning_tokens"?: int, of the completion
    USAGE = "usage"  # {"prompt_tokens": int, "completion_tokens": int}
    SOURCES = "sources"  # {"sources": [{"url": str, "title": str}]}: the web pages that the answer names
    COMPLETED = "run.completed"  # {"finish_reason": str}
    STOPPED = "run.stopped"  # {"reason": str}
    # {"code": str, "message": str, "retryable": bool, "retried"?: True, "retry_after"?: float, "upstream"?: {…}}
    FAILED = "run.failed"
    LOST = "run.lost"  # {"reason": str, "message": str}
    # {"text": str, "reasoning": str, "tools": […], "usage"?: {…}, "sources"?: […]}: the fold of all up to its seq
    SNAPSHOT = "snapshot"


FINAL_KINDS = frozenset({Kind.COMPLETED, Kind.STOPPED, Kind.FAILED, Kind.LOST})


class Control(StrEnum):
    """Kinds of envelopes that are not part of the log; their seq is 0."""

    RESYNC = "resync"  # {"last_seq": int}: the client's position is beyond the end; all events follow from the start
    REFUSED = "refused"  # {"code": str, "message": str}: the client cannot follow this stream
    HEARTBEAT = "heartbeat"  # {}
    LIVE = "live"  # {}: this stream has no log; fetch the current state elsewhere, changes follow
    # {"session", "title", "activity", "news", "ended", "queued", "held"}: one entry of the list
    SESSION_CHANGED = "session.changed"
    PLACES_CHANGED = "places.changed"  # {"ahead": {run: int}}: how many queued answers are ahead of each
    SESSIONS_CHANGED = "sessions.changed"  # {}: fetch the list of sessions again


class Event(NamedTuple):
    """One logged event. `data` is JSON text (bytes), `kind` one of `Kind`."""

    stream: UUID
    seq: int
    kind: str
    data: bytes

    @property
    def is_final(self) -> bool:
        return self.kind in FINAL_KINDS

    def envelope(self) -> bytes:
        """Return the event as the JSON object that clients receive (`docs/protocol.md`)."""
        return envelope(self.stream, self.seq, self.kind, self.data)


@lru_cache(8192)  # streams written at the same time; formatting a UUID takes as long as all the rest of an envelope
def encoded_id(stream: object) -> bytes:
    return str(stream).encode()


def envelope(stream: object, seq: int, kind: str, data: bytes) -> bytes:
    return encode_envelope(encoded_id(stream), seq, kind, data)


def encode_envelope(name: bytes, seq: int, kind: str, data: bytes) -> bytes:
    """`envelope` for many events of one stream. `name` is its `encoded_id`, looked up once."""
    return b'{"stream":"%b","seq":%d,"kind":"%b","data":%b}' % (name, seq, kind.encode(), data)


def control(stream: object, kind: Control, **data: object) -> bytes:
    """Return an envelope with seq 0: a message about the connection, not an event of the stream."""
    return envelope(stream, 0, kind, orjson.dumps(data))


@dataclass
class Folded:
    """The content of a stream so far. `last_seq` is the seq of the last event folded in (0: none)."""

    last_seq: int = 0
    text: str = ""
    reasoning: str = ""
    tools: list[dict[str, Any]] = field(default_factory=list)
    usage: dict[str, int] = field(default_factory=dict)
    sources: list[dict[str, str]] = field(default_factory=list)  # {"url", "title"}
    retries: int = 0  # of the request to the upstream
    retry_code: str = ""  # of the error that the last one followed
    final: str | None = None  # the final event's kind
    final_data: dict[str, Any] = field(default_factory=dict)


def fold(events: Iterable[Event]) -> Folded:
    """Fold events in order of seq, from the start or from a snapshot."""
    folded, calls = Folded(), ToolCalls()
    text: list[str] = []
    reasoning: list[str] = []
    for event in events:
        folded.last_seq = event.seq
        data = orjson.loads(event.data)
        match event.kind:
            case Kind.TEXT:
                text.append(data["text"])
            case Kind.REASONING:
                reasoning.append(data["text"])
            case Kind.TOOL:
                calls.add(data)
            case Kind.USAGE:
                folded.usage = data
            case Kind.SOURCES:
                folded.sources = data["sources"]
            case Kind.RETRYING:
                folded.retries, folded.retry_code = folded.retries + 1, data["code"]
            case Kind.SNAPSHOT:
                text, reasoning, calls = [data["text"]], [data["reasoning"]], ToolCalls(data["tools"])
                folded.usage = data.get("usage", folded.usage)
                folded.sources = data.get("sources", folded.sources)
            case kind if kind in FINAL_KINDS:
                folded.final, folded.final_data = kind, data
    folded.text, folded.reasoning, folded.tools = "".join(text), "".join(reasoning), calls.joined()
    return folded


class ToolCalls:
    """Collects tool calls, which arrive in pieces: the first of an index names the tool, others extend its arguments.

    Pieces are joined once, at the end: there may be as many as characters.
    """

    def __init__(self, calls: Iterable[dict[str, Any]] = ()) -> None:
        self._pieces: dict[int, dict[str, list[str]]] = {}
        self._extra: dict[int, dict[str, Any]] = {}  # what the provider attached to a call, which goes back to it
        for call in calls:
            self.add(call)

    def add(self, delta: dict[str, Any]) -> None:
        call = self._pieces.setdefault(delta["index"], {"id": [], "name": [], "arguments": []})
        for key, pieces in call.items():
            if piece := delta.get(key):
                pieces.append(piece)
        if extra := delta.get("extra_content"):
            self._extra[delta["index"]] = {"extra_content": extra}

    def joined(self) -> list[dict[str, Any]]:
        """Return all calls, in the order in which they began."""
        return [
            {"index": index} | {key: "".join(pieces) for key, pieces in call.items()} | self._extra.get(index, {})
            for index, call in self._pieces.items()
        ]
