"""The append-only log."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from streams.events import Kind
from streams.log import store
from streams.models import LoggedEvent

pytestmark = pytest.mark.django_db


def _append_words(stream, *words: str):
    return store.append(stream, *((Kind.TEXT, {"text": word}) for word in words))


def test_seq_starts_at_one_and_has_no_gaps():  # B24
    stream = uuid4()
    first, second = _append_words(stream, "a"), _append_words(stream, "b", "c")
    assert [event.seq for event in first + second] == [1, 2, 3]
    assert store.read(stream) == first + second
    assert store.read(stream, after=1) == second


def test_nothing_follows_a_final_event():  # B27
    stream = uuid4()
    store.append(stream, (Kind.TEXT, {"text": "a"}), (Kind.COMPLETED, {"finish_reason": "stop"}))
    with pytest.raises(store.Sealed):
        _append_words(stream, "b")
    assert store.head(stream) == (2, Kind.COMPLETED)
    assert store.head(stream).is_sealed


def test_the_database_refuses_a_second_final_event_and_a_taken_seq():  # B24 B27
    stream = uuid4()
    store.append(stream, (Kind.STOPPED, {"reason": "user"}))
    row = LoggedEvent.objects.get(stream=stream)
    for seq, kind in ((2, Kind.COMPLETED), (1, Kind.TEXT), (0, Kind.TEXT)):
        with pytest.raises(IntegrityError), transaction.atomic():
            LoggedEvent.objects.create(stream=stream, seq=seq, kind=kind, data="{}", at=row.at)


def test_history_is_read_in_pages():  # B31
    stream = uuid4()
    _append_words(stream, *map(str, range(2 * store.PAGE_EVENTS + 5)))
    assert len(store.read(stream)) == store.PAGE_EVENTS
    assert [event.seq for event in store.read_all(stream)] == list(range(1, 2 * store.PAGE_EVENTS + 6))
    assert store.fold_stream(stream).text == "".join(map(str, range(2 * store.PAGE_EVENTS + 5)))


def test_growth_of_many_streams_is_found_at_once(django_assert_num_queries):  # B26
    streams = [uuid4() for _ in range(3)]
    _append_words(streams[0], "a")
    _append_words(streams[1], "a", "b")
    with django_assert_num_queries(1):
        assert store.grown({streams[0]: 1, streams[1]: 1, streams[2]: 0}) == {streams[1]}
    assert store.grown({uuid4(): n for n in range(1200)}) == set()


def test_the_final_event_is_found_although_earlier_events_are_deleted():  # B27 B40
    stream, other = uuid4(), uuid4()
    _append_words(stream, "a", "b", "c")
    store.append(stream, (Kind.STOPPED, {"reason": "user"}))
    store.append(other, (Kind.STOPPED, {"reason": "user"}))
    store.keep_final(stream)
    assert store.grown({stream: 1, other: 1}) == {stream}


def test_data_is_read_back_exactly_as_written():
    stream, text = uuid4(), 'a\\b\t\n\r"\u2028 ☃ 😀 \x01 \\N \\. '
    _append_words(stream, text)
    assert store.fold_stream(stream).text == text
