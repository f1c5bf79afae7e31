"""What programs have asked for is deleted when its time is over, and its stream stays whole until then."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from chatapp.chats.models import Session
from chatapp.openai.full_stream import read_full_stream
from chatapp.openai.models import Exchange, Kind
from chatapp.openai.retention import delete_due
from runs.actions import send
from runs.maintenance import retention
from runs.models import Run
from runs.signals import compacting
from runs.states import LogKept, Status
from streams.events import Kind as Event
from streams.log import store


@pytest.fixture
def ended(alice, model):
    """Makes an exchange that ended so many days ago."""

    def make(days: float = 0, *, is_stored: bool = True) -> Exchange:
        session = Session.objects.create(owner=alice, title="t", is_listed=False)
        run = send(session, "Hi", user=alice)
        said = [(Event.STARTED, {}), (Event.TEXT, {"text": "Good "}), (Event.TEXT, {"text": "day"})]
        store.append(run.pk, *said, (Event.COMPLETED, {"finish_reason": "stop"}))
        finished_at = timezone.now() - timedelta(days=days)
        Run.objects.filter(pk=run.pk).update(status=Status.COMPLETED, started_at=finished_at, finished_at=finished_at)
        return Exchange.objects.create(run=run, kind=Kind.RESPONSE, input=[], is_stored=is_stored, chain=uuid4())

    return make


@pytest.mark.parametrize(
    ("days", "is_stored", "is_kept"),
    [(0.9, False, True), (1.1, False, False), (29, True, True), (31, True, False)],
)
def test_what_is_over_is_deleted_with_all_that_belongs_to_it(ended, days, is_stored, is_kept):
    exchange = ended(days, is_stored=is_stored)
    assert delete_due() == (0 if is_kept else 1)
    assert Exchange.objects.filter(pk=exchange.pk).exists() == is_kept
    assert Session.objects.exists() == is_kept


def test_stored_responses_may_stay_for_ever(ended, settings):
    settings.RESPONSES_DAYS = 0
    ended(10_000)
    assert delete_due() == 0


def test_a_log_whose_score_could_not_be_kept_is_not_compacted(ended):
    exchange = ended(1)

    def fail(**kwargs):
        raise OSError("no space left")

    compacting.connect(fail, sender=Run)
    try:
        assert retention.compact_due(retention.TimeBudget(9)) == 0
    finally:
        compacting.disconnect(fail, sender=Run)
    before = read_full_stream(exchange.pk)
    assert retention.compact_due(retention.TimeBudget(9)) == 1
    assert Run.objects.get(pk=exchange.pk).log_kept == LogKept.COMPACTED
    assert read_full_stream(exchange.pk) == before


def test_a_compaction_that_was_interrupted_tells_nothing_twice(ended):
    """Killed after its first step, the log has deltas and behind them the snapshot that repeats them."""
    exchange = ended(1)
    before = read_full_stream(exchange.pk)
    retention._may_compact(exchange.pk)
    next(retention.compaction.compact(exchange.pk))
    kinds = [event.kind for event in store.read_all(exchange.pk)]
    assert kinds[-3:] == [Event.TEXT, Event.SNAPSHOT, Event.COMPLETED]
    assert read_full_stream(exchange.pk) == before
    assert retention.compact_due(retention.TimeBudget(9)) == 1
    assert read_full_stream(exchange.pk) == before
