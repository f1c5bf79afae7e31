"""Feeds a body to the reader of answers, in any pieces, and keeps what it records; writes such bodies."""

import asyncio
import itertools
import json

from runs.errors import RunError
from runs.net.inflate import Inflater
from runs.upstream.reading.answer import AnswerReader
from runs.upstream.reading.deltas import FINISH, Delta
from streams.events import Kind, ToolCalls


class Recording:
    """A sink that folds what it is given, as a run's stream does."""

    def __init__(self) -> None:
        self.text = self.reasoning = self.finish = ""
        self.usage, self.sources, self.calls = {}, [], ToolCalls()
        self.error: RunError | None = None

    def record(self, deltas: list[Delta]) -> None:
        for kind, data in deltas:
            if kind == Kind.TEXT:
                self.text += data["text"]
            elif kind == Kind.REASONING:
                self.reasoning += data["text"]
            elif kind == Kind.SNAPSHOT:
                self.text, self.reasoning = data["text"], data["reasoning"]
            elif kind == Kind.TOOL:
                self.calls.add(data)
            elif kind == Kind.USAGE:
                self.usage = data
            elif kind == Kind.SOURCES:
                self.sources = data["sources"]
            elif kind == FINISH:
                self.finish = data["finish_reason"] or self.finish

    def is_full(self) -> bool:
        return False

    async def drain(self) -> None: ...

    @property
    def tools(self) -> list[tuple[str, str]]:
        return [(call["name"], call["arguments"]) for call in self.calls.joined()]


async def read(pieces: list[bytes], encoding: str = "") -> tuple[Recording, bool]:
    """What is recorded of a body, and whether it came to its end."""
    recording = Recording()
    reader = AnswerReader(recording)
    consume = Inflater(encoding, reader.feed, 2**26).feed if encoding else reader.feed
    try:
        for piece in pieces:
            outcome = consume(piece)
            if outcome is True or (outcome is not False and await outcome()):
                break
        await reader.finish()
    except RunError as error:
        recording.error = error
    reader.close()
    return recording, reader.is_finished


def cut(body: bytes, places: list[int]) -> list[bytes]:
    """A body cut at `places`, which are taken modulo its length."""
    at = sorted({0, len(body), *(place % (len(body) + 1) for place in places)})
    return [body[start:end] for start, end in itertools.pairwise(at)]


def read_now(body: bytes, places: list[int] | None = None, encoding: str = "") -> tuple[Recording, bool]:
    return asyncio.run(read(cut(body, places or []), encoding))


CUTS = ([], [7, 50, 90], [*range(2_000)])


def chunk(delta: object, finish: str | None = None, **more: object) -> dict:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def body_of(*chunks: object) -> bytes:
    """Events of chunks, or of text as it is; then a finish reason and the end marker."""
    events = [each if isinstance(each, str) else f"data: {json.dumps(each)}" for each in chunks]
    return "".join(
        f"{event}\n\n" for event in [*events, f"data: {json.dumps(chunk({}, 'stop'))}", "data: [DONE]"]
    ).encode()


def read_of(*chunks: object) -> Recording:
    """What is read, which is the same however the body is cut."""
    got = [read_now(body_of(*chunks), cuts)[0] for cuts in CUTS]
    assert len({(each.text, each.reasoning, str(each.tools), str(each.usage), str(each.sources)) for each in got}) == 1
    return got[0]
