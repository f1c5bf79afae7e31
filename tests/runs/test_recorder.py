"""What is written of what an upstream says."""

from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.providers.openai import Delta
from runs.recorder import DELTA_BYTES, DELTA_CHARACTERS, Recorder
from streams.events import MAX_DATA_BYTES, Event, Kind, fold

STREAM = UUID(int=1)


class Writer:
    """In the place of the batch writer: keeps what is written."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def open(self, stream: UUID, seq: int, on_fenced: object) -> None:
        """No pen: the events are counted here."""

    def write(self, pen: object, kind: str, data: bytes) -> None:
        self.events.append(Event(STREAM, len(self.events) + 1, kind, data))


def written(*deltas: Delta) -> list[Event]:
    writer = Writer()
    Recorder(writer, STREAM, 0, lambda: None).record([*deltas])
    return writer.events


@pytest.mark.parametrize("character", ["x", "☃", "\x01", "😀"])
@given(st.integers(1, 5 * DELTA_CHARACTERS), st.sampled_from([Kind.TEXT, Kind.REASONING, Kind.TOOL]))
def test_a_delta_of_any_size_is_written_as_events_that_are_not_too_large(character, length, kind):
    said = character * length + "."
    data = {"index": 1, "id": "c", "name": "clock", "arguments": said} if kind == Kind.TOOL else {"text": said}
    events = written(Delta(kind, data))
    assert fold(events) == fold([Event(STREAM, len(events), kind, orjson.dumps(data))])
    assert max(len(event.data) for event in events) <= 6 * DELTA_CHARACTERS + 100 < MAX_DATA_BYTES
    assert len(events) == 1 or len(orjson.dumps(data)) > DELTA_BYTES
