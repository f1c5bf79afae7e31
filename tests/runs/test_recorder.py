"""What the recorder writes of an upstream's answer."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.errors import (
    AnswerFiltered,
    EmptyAnswer,
    LengthUsedUp,
    UpstreamInterrupted,
    UpstreamLoading,
    UpstreamTooLarge,
    UpstreamUnreachable,
)
from runs.upstream.reading.chunks import PIECE_CHARACTERS
from runs.upstream.reading.deltas import Delta
from runs.worker import recorder
from runs.worker.recorder import BATCH_EVENTS, DELTA_BYTES, MAX_PAUSE_SECONDS, MAX_RETRIES, Recorder
from streams.delivery.writer import AppendCursor
from streams.events import MAX_DATA_BYTES, Event, Kind, fold

STREAM = UUID(int=1)


class Writer:
    """Stands in for the batch writer: keeps the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.batches, self.is_full = 0, False
        self.flushed, self.is_closed = 0, False

    def open(self, stream: UUID, seq: int, on_fenced: Callable[[], None]) -> AppendCursor:
        return AppendCursor(stream, seq, on_fenced)

    def write(self, cursor: AppendCursor, kind: str, data: bytes) -> None:
        cursor.seq += 1
        self.events.append(Event(STREAM, cursor.seq, kind, data))

    async def wait_for_room(self) -> None:
        """There is room."""

    async def flush(self) -> None:
        self.batches += 1
        self.flushed = len(self.events)

    def close(self, cursor: AppendCursor) -> None:
        self.is_closed = True


def written(*deltas: Delta) -> list[Event]:
    writer = Writer()
    Recorder(writer, STREAM, 0, lambda: None).record([*deltas])
    return writer.events


@pytest.mark.parametrize("character", ["x", "☃", "\x01", "😀"])
@given(st.integers(1, 5 * PIECE_CHARACTERS), st.sampled_from([Kind.TEXT, Kind.REASONING, Kind.TOOL]))
def test_a_delta_of_any_size_is_written_as_events_that_are_not_too_large(character, length, kind):
    said = character * length + "."
    data = {"index": 1, "id": "c", "name": "clock", "arguments": said} if kind == Kind.TOOL else {"text": said}
    events = written(Delta(kind, data))
    assert fold(events) == fold([Event(STREAM, len(events), kind, orjson.dumps(data))])
    assert max(len(event.data) for event in events) <= 6 * PIECE_CHARACTERS + 100 < MAX_DATA_BYTES
    assert len(events) == 1 or len(orjson.dumps(data)) > DELTA_BYTES


def in_turns(words: int) -> list[Delta]:
    return [Delta((Kind.TEXT, Kind.REASONING)[n % 2], {"text": "x"}) for n in range(words)]


def test_a_run_is_limited_to_its_share_of_a_batch():  # B68
    async def scenario() -> None:
        writer = Writer()
        flood, calm = (Recorder(writer, STREAM, 5, lambda: None) for _ in range(2))
        flood.record(in_turns(BATCH_EVENTS - 1))
        assert not flood.is_full()
        flood.record(in_turns(1))
        assert flood.is_full() and not calm.is_full()
        await flood.drain()
        assert writer.batches == 1 and not flood.is_full()
        flood.record(in_turns(BATCH_EVENTS - 1))
        writer.batches += 1  # what is handed in after a commit is counted anew
        flood.record(in_turns(BATCH_EVENTS - 1))
        assert not flood.is_full()

    asyncio.run(scenario())


def test_there_is_a_limit_to_the_events_of_a_run(monkeypatch):  # B68
    monkeypatch.setattr(recorder, "MAX_EVENTS", 10)
    writer = Writer()
    flood = Recorder(writer, STREAM, 5, lambda: None)
    flood.record(in_turns(10))
    with pytest.raises(UpstreamTooLarge):
        flood.record(in_turns(1))
    assert writer.events[-1].seq == 16, "what came with the one too many is kept, too"


def test_only_transient_errors_are_retried(settings):  # B15
    settings.UPSTREAM_RETRY_SECONDS = 0.5
    recorder, busy = Recorder(Writer(), STREAM, 0, lambda: None), UpstreamUnreachable()
    assert recorder.pause_before_retry(UpstreamInterrupted()) is None

    # Each pause should be twice the one before, or as long as the upstream wants, if that is bearable
    for retry in range(MAX_RETRIES):
        busy.retry_after = None
        assert recorder.pause_before_retry(busy) == 0.5 * 2**retry
        busy.retry_after = MAX_PAUSE_SECONDS
        assert recorder.pause_before_retry(busy) == MAX_PAUSE_SECONDS
        busy.retry_after = MAX_PAUSE_SECONDS + 1
        assert recorder.pause_before_retry(busy) is None
        asyncio.run(recorder.record_retry(busy, 1))

    # After the last one it has failed
    busy.retry_after = None
    assert recorder.pause_before_retry(busy) is None


def test_a_model_that_is_loading_is_waited_for_until_a_limit(settings):
    settings.UPSTREAM_RETRY_SECONDS, settings.UPSTREAM_LOADING_SECONDS = 1.0, 30.0
    recorder, pauses = Recorder(Writer(), STREAM, 0, lambda: None), []
    while (pause := recorder.pause_before_retry(UpstreamLoading())) is not None:
        pauses.append(pause)
        asyncio.run(recorder.record_retry(UpstreamLoading(), pause))
    assert pauses[:5] == [1, 2, 4, 5, 5] and sum(pauses) == 32

    # It should not have used up the retries of other errors
    assert recorder.pause_before_retry(UpstreamUnreachable()) == 1


@pytest.mark.parametrize(
    ("reason", "error"), [("length", LengthUsedUp), ("safety", AnswerFiltered), ("stop", EmptyAnswer)]
)
def test_an_answer_that_is_empty_says_why(reason, error):
    recorder = Recorder(Writer(), STREAM, 0, lambda: None)
    recorder.record([Delta("finish", {"finish_reason": reason})])
    with pytest.raises(error) as raised:
        recorder.raise_if_empty()
    assert type(raised.value) is error


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.REASONING, Kind.TOOL])
def test_nothing_is_retried_after_the_first_token(kind):  # B15
    recorder = Recorder(Writer(), STREAM, 0, lambda: None)
    recorder.record([Delta(Kind.USAGE, {"prompt_tokens": 1, "completion_tokens": 0})])
    assert recorder.pause_before_retry(UpstreamUnreachable()) is not None
    recorder.record([Delta(kind, {"index": 0, "arguments": "x"} if kind == Kind.TOOL else {"text": "x"})])
    assert recorder.pause_before_retry(UpstreamUnreachable()) is None


def test_an_empty_answer_is_an_error():  # B10
    recorder = Recorder(Writer(), STREAM, 0, lambda: None)
    recorder.record([Delta(Kind.USAGE, {"prompt_tokens": 1, "completion_tokens": 0})])
    with pytest.raises(EmptyAnswer):
        recorder.raise_if_empty()
    recorder.record([Delta(Kind.TEXT, {"text": "x"})])
    recorder.raise_if_empty()


def test_close_waits_until_all_deltas_are_logged():  # B1
    writer = Writer()
    recorder = Recorder(writer, STREAM, 0, lambda: None)
    recorder.record([Delta(Kind.TEXT, {"text": "x"})])
    asyncio.run(recorder.close())
    assert (writer.flushed, writer.is_closed) == (1, True)
