"""Reads the body of one response, whatever its form, and records the answer in it."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import orjson

from runs.errors import RunError, UpstreamFailed, UpstreamGarbage, UpstreamTooLarge, UpstreamWebPage
from runs.net.connection import Outcome
from runs.net.loop_budget import LARGE_EVENT_BYTES, loop_budget
from runs.net.sse import DONE, MAX_EVENT_BYTES, EventParser, EventTooLarge, Payload
from runs.upstream.failures.classify import failure_for
from runs.upstream.failures.report import EXCERPT_CHARACTERS, Report, excerpt, report_in
from runs.upstream.reading.chunks import ChunkParser
from runs.upstream.reading.deltas import FINISH, Delta
from runs.upstream.reading.finish_reasons import Ending, ending_of
from runs.upstream.reading.reasoning import Split, TagSplitter
from runs.upstream.reading.sources import merge
from runs.upstream.reading.usage import merge_counts
from streams.events import Kind

BOM = b"\xef\xbb\xbf"  # a byte order mark
TOO_LARGE = "an event larger than the limit"
MAX_HEAD_BYTES = 4 * 1024  # of white space before a body's first character


class Sink(Protocol):
    """Where deltas go. `record` is called as they are received; nothing more is read while it `is_full`."""

    def record(self, deltas: list[Delta]) -> None: ...

    def is_full(self) -> bool: ...

    async def drain(self) -> None:
        """Wait until it is not full any more."""


class AnswerReader:
    """Turns the body of one response into deltas and records them.

    A body's first character tells its form: events, JSON (one value, or one a line) or a web page, whatever the
    content type says.
    """

    __slots__ = (
        "_chunks",
        "_feed",
        "_has_new_sources",
        "_head",
        "_json",
        "_on_begin",
        "_on_finish",
        "_parser",
        "_sink",
        "_sources",
        "_tags",
        "_usage",
        "_values",
        "has_begun",
        "is_done",
        "is_finished",
    )

    def __init__(
        self, sink: Sink, on_begin: Callable[[], None] = lambda: None, on_finish: Callable[[], None] = lambda: None
    ) -> None:
        """`on_begin` is called before the first token is recorded; `on_finish` with each finish reason, and when more
        of the answer follows one.
        """
        self._sink, self._on_begin, self._on_finish = sink, on_begin, on_finish
        self._parser, self._chunks, self._tags = EventParser(), ChunkParser(), TagSplitter()
        self._head = b""  # of the body, until its form is known
        self._feed: Callable[[bytes], Outcome] | None = self._recognize  # reads any other form than events
        self._json = bytearray()
        self._values = 0  # of a body of JSON
        self._usage: dict[str, Any] | None = None  # counts of the whole answer: only the last ones are recorded
        self._sources: list[dict[str, str]] = []  # all so far: many servers repeat them with each chunk
        self._has_new_sources = False  # which are not recorded yet: they do not begin an answer
        self.is_finished = False  # a finish reason, or the end marker, was received
        self.has_begun = False  # something was recorded
        self.is_done = False  # the end marker was received

    def feed(self, piece: bytes) -> Outcome:
        """Parse a piece of the body; true after the end marker.

        A large event takes longer (B68): then this returns a coroutine function that parses it.
        Raises UpstreamError.
        """
        if self._feed is not None:
            return self._feed(piece)
        try:
            payloads = self._parser.feed(piece)
        except EventTooLarge as error:
            raise UpstreamTooLarge(TOO_LARGE) from error
        if not payloads:
            self._raise_reported()
            return False
        if len(payloads[0]) > LARGE_EVENT_BYTES:  # it was collected from many pieces; the others are all of this one
            return partial(self._read_large, payloads)
        is_done = self._read(payloads)
        if self._parser.error is not None and not is_done:
            self._raise_reported()
        return is_done

    async def finish(self, is_cut: bool = False) -> None:
        """The body has ended, or was cut: parse what has no end of its own. Raises UpstreamError."""
        if self.is_done:
            return
        if self._feed == self._feed_page:  # a very short one
            raise UpstreamWebPage(f"a web page: {self._json.decode(errors='replace')}")
        try:
            await self._read_rest()
        except UpstreamGarbage:
            if is_cut or self.is_finished:
                return
            raise
        if self._values == 1 and self.has_begun and not is_cut:
            self.is_finished = True  # one value of JSON is all of the answer
        if not self.has_begun and not self.is_finished and self._parser.unknown:
            words = self._parser.unknown.decode(errors="replace")
            raise failure_for(Report(words), f"no event stream: {words}")

    async def _read_rest(self) -> None:
        payloads: list[Payload] = []
        if self._json.strip():
            payloads = [bytes(self._json)]
            self._values += 1
        elif self._feed is None:
            try:
                payloads = self._parser.finish()
            except EventTooLarge as error:
                raise UpstreamTooLarge(TOO_LARGE) from error
        if payloads and len(payloads[0]) > LARGE_EVENT_BYTES:
            await self._read_large(payloads)
        elif payloads:
            self._read(payloads)
        self._raise_reported()

    def close(self) -> None:
        """Record what was held back, however the answer ended."""
        held = [delta for part in self._tags.finish() for delta in _deltas_of(part)] + self._chunks.finish()
        if self._usage is not None:
            held.append(Delta(Kind.USAGE, self._usage))
        held += self._new_sources()
        self._usage = None
        if held:
            self._sink.record(held)

    # -- the form of a body -----------------------------------------------------------------------

    def _recognize(self, piece: bytes) -> Outcome:
        """Choose the parser once the first character is known."""
        head = self._head = self._head + piece
        if len(head) < len(BOM) and BOM.startswith(head):
            return False
        head = head.removeprefix(BOM)
        first = head.lstrip()[:1]
        if not first and len(head) < MAX_HEAD_BYTES:
            return False
        self._head = b""
        if first in (b"{", b"["):
            self._feed = self._feed_json
        else:
            self._feed = self._feed_page if first == b"<" else None
        return self.feed(head)

    def _feed_json(self, piece: bytes) -> Outcome:
        """Collect a value of JSON, or read values line by line if the first line is a whole one."""
        self._collect_json(piece)
        if b"\n" not in piece:
            return False
        *lines, rest = self._json.split(b"\n")
        payloads: list[Payload] = [line for line in lines if line.strip()]
        if not payloads or max(map(len, payloads)) > LARGE_EVENT_BYTES or not _is_object(payloads[0]):
            self._feed = self._collect_json
            return False
        self._json = rest
        self._values += len(payloads)
        return self._read(payloads)

    def _collect_json(self, piece: bytes) -> Outcome:
        self._json += piece
        if len(self._json) > MAX_EVENT_BYTES:
            raise UpstreamTooLarge("a body of JSON larger than the limit")
        return False

    def _feed_page(self, piece: bytes) -> Outcome:
        self._json += piece
        start = bytes(self._json[:EXCERPT_CHARACTERS]).decode(errors="replace")
        if len(start.lstrip()) < len("<error"):
            return False
        if start.lstrip().lower().startswith(("<?xml", "<error")):
            raise UpstreamGarbage(f"XML: {start}")
        raise UpstreamWebPage(f"a web page: {start}")

    def _raise_reported(self) -> None:
        """Raise the error of an event that is one."""
        if (payload := self._parser.error) is None:
            return
        try:
            value: object = orjson.loads(payload)
        except ValueError:
            value = payload.decode(errors="replace")
        raise failure_for(report_in(value, is_error=True) or Report(""), excerpt(value))

    # -- chunks -----------------------------------------------------------------------------------

    def _read(self, payloads: list[Payload]) -> bool:
        """Parse and record; true after the end marker."""
        is_done = DONE in payloads
        deltas, failure = self._chunks.parse(payloads[: payloads.index(DONE)] if is_done else payloads)
        if len(deltas) == 1 and self._is_plain(*deltas[0]):
            if not self.has_begun:
                self._begin()
            self._sink.record(deltas)
            if self.is_finished:
                self._on_finish()
        elif deltas:
            self._record(deltas)
        if failure is not None:
            self._raise(failure)
        if is_done:
            self.is_finished = self.is_done = True
        return is_done

    def _is_plain(self, kind: str, data: dict[str, Any]) -> bool:
        """Whether a delta is recorded as it is, which nearly every one is."""
        if kind is Kind.TEXT:
            return self._tags.passes(data["text"])
        if kind is not Kind.REASONING or self._has_new_sources:
            return False
        self._tags.rule_out()
        return True

    async def _read_large(self, payloads: list[Payload]) -> bool:
        """Parse in a thread, and record delta by delta with an iteration of the loop after each."""
        is_done = DONE in payloads
        before_end = payloads[: payloads.index(DONE)] if is_done else payloads
        deltas, failure = await loop_budget().run_in_thread(self._chunks.parse_large, before_end)
        for delta in deltas:
            self._record([delta])
            await (self._sink.drain() if self._sink.is_full() else asyncio.sleep(0))
        if failure is not None:
            self._raise(failure)
        self.is_done = is_done
        self.is_finished = self.is_finished or is_done
        return is_done

    def _record(self, deltas: list[Delta]) -> None:
        recorded: list[Delta] = []
        reason: str | None = None
        for delta in deltas:
            kind, data = delta
            if kind == Kind.TEXT:
                recorded += [piece for part in self._tags.split(data["text"]) for piece in _deltas_of(part)]
            elif kind == Kind.USAGE:
                self._usage = merge_counts(self._usage or {}, data)
            elif kind == Kind.SOURCES:
                self._has_new_sources |= self._add_sources(data["sources"])
            else:
                if kind == FINISH:
                    reason = data["finish_reason"]
                elif kind in (Kind.REASONING, Kind.TOOL):
                    self._tags.rule_out()
                recorded.append(delta)
        if self._has_new_sources and (self.has_begun or recorded):
            recorded += self._new_sources()
        if recorded:
            if not self.has_begun and any(delta.kind != FINISH for delta in recorded):
                self._begin()
            self._sink.record(recorded)
        if reason is not None:
            self._finish(reason)
        elif recorded and self.is_finished:
            self._on_finish()

    def _add_sources(self, sources: list[dict[str, str]]) -> bool:
        """Whether any of them is new."""
        count = len(self._sources)
        self._sources = merge(self._sources, sources)
        return len(self._sources) > count

    def _new_sources(self) -> list[Delta]:
        """What is to be recorded of them: all, once for each change, at most MAX_SOURCES times."""
        is_due, self._has_new_sources = self._has_new_sources, False
        return [Delta(Kind.SOURCES, {"sources": self._sources})] if is_due else []

    def _begin(self) -> None:
        self.has_begun = True
        self._on_begin()

    def _finish(self, reason: str) -> None:
        """A finish reason was received. Raises UpstreamFailed if it says that the answer was broken off."""
        if ending_of(reason) is Ending.BROKEN:
            raise UpstreamFailed(f"the finish reason is {reason}")
        self.is_finished = True
        self._on_finish()

    def _raise(self, failure: RunError) -> None:
        """Raise what is wrong with a chunk. After the finish reason only an error that the server reports matters."""
        if not (self.is_finished and isinstance(failure, UpstreamGarbage)):
            raise failure


def _deltas_of(part: Split) -> list[Delta]:
    deltas = []
    if part.was_reasoning is not None:  # readers have it as text: a snapshot puts it right
        deltas.append(Delta(Kind.SNAPSHOT, {"text": "", "reasoning": part.was_reasoning, "tools": []}))
    if part.reasoning:
        deltas.append(Delta(Kind.REASONING, {"text": part.reasoning}))
    if part.text:
        deltas.append(Delta(Kind.TEXT, {"text": part.text}))
    return deltas


def _is_object(line: Payload) -> bool:
    """Whether a line is an object of JSON."""
    try:
        return isinstance(orjson.loads(line), dict)
    except ValueError:
        return False
