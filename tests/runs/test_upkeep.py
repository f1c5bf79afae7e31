"""Upkeep: whose log is reduced and when, and that nothing is deleted that is not kept elsewhere."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from runs import actions, tasks
from runs.lifecycle import transitions
from runs.lifecycle.segments import earlier_segments
from runs.maintenance import retention
from runs.models import Run, Worker
from runs.queries import answers, timeline
from runs.states import LogKept
from streams.events import Kind, fold
from streams.log import store
from streams.models import LoggedEvent

TOOL = (Kind.TOOL, {"index": 0, "id": "c", "name": "clock", "arguments": "{}"})
USAGE = (Kind.USAGE, {"prompt_tokens": 3, "completion_tokens": 4})


@pytest.fixture(autouse=True)
def _ages(settings):
    settings.COMPACT_SECONDS, settings.RETENTION_DAYS, settings.WORKERS_DAYS = 600, 30, 30


@pytest.fixture
def answered(send, claim):
    """A run that has written `words` and ended: `answered("a ", "b ")`."""

    def answered(*words: str, extra=(), run: Run | None = None) -> Run:
        run = claim(run or send())
        store.append(run.id, *((Kind.TEXT, {"text": word}) for word in words), *extra)
        transitions.complete(run.id, "stop")
        run.refresh_from_db()
        return run

    return answered


def age(**values: float) -> None:
    """Let this time go by."""
    Run.objects.filter(finished_at__isnull=False).update(finished_at=timezone.now() - timedelta(**values))


def look(run: Run) -> tuple[list[str], str]:
    run.refresh_from_db()
    return list(LoggedEvent.objects.filter(stream=run.id).order_by("seq").values_list("kind", flat=True)), run.log_kept


def test_a_log_is_compacted_and_later_pruned(answered, send, claim):  # B29
    old, running = answered("Good ", "morning", extra=[USAGE]), claim(send())
    store.append(running.id, *[(Kind.TEXT, {"text": "so far"})] * 2)
    age(seconds=590)
    tasks.reduce_logs()
    assert look(old)[1] == LogKept.WHOLE

    age(seconds=610)
    tasks.reduce_logs()
    compacted = [Kind.QUEUED, Kind.STARTED, Kind.SNAPSHOT, Kind.USAGE, Kind.COMPLETED]
    assert look(old) == (compacted, LogKept.COMPACTED)

    age(days=31)
    tasks.reduce_logs()
    assert look(old) == ([Kind.COMPLETED], LogKept.PRUNED)
    tasks.reduce_logs()
    assert look(old) == ([Kind.COMPLETED], LogKept.PRUNED)
    assert look(running) == ([Kind.QUEUED, Kind.STARTED, Kind.TEXT, Kind.TEXT], LogKept.WHOLE)


def test_without_a_retention_everything_is_kept(answered, settings):
    settings.RETENTION_DAYS = 0
    run = answered("kept")
    age(days=9999)
    tasks.reduce_logs()
    assert look(run) == ([Kind.QUEUED, Kind.STARTED, Kind.SNAPSHOT, Kind.COMPLETED], LogKept.COMPACTED)


def test_a_reader_of_a_pruned_stream_gets_a_snapshot_of_the_message(answered):  # B29 B30
    run = answered("Good ", "morning", extra=[(Kind.REASONING, {"text": "hm"}), TOOL, USAGE])
    whole = store.fold_stream(run.id)
    age(days=31)
    tasks.reduce_logs()
    for after in range(run.last_seq - 1):
        assert fold(store.read(run.id, after)) == whole
    assert answers.so_far(run) == whole
    assert [event.kind for event in store.read(run.id, run.last_seq - 1)] == [Kind.COMPLETED]


def test_the_stream_of_a_run_without_text_is_not_empty(send):  # B29 B39
    run = send()
    transitions.stop(run.id)
    age(days=31)
    tasks.reduce_logs()
    assert look(run) == ([Kind.STOPPED], LogKept.PRUNED)
    assert [event.kind for event in store.read(run.id)] == [Kind.SNAPSHOT, Kind.STOPPED]


def test_content_that_does_not_fit_in_a_snapshot_keeps_its_deltas(answered):  # B29
    """A server may refuse to send so large a message: its reader would come back for ever."""
    enormous, other = answered(*["x" * 400_000] * 2), answered("a ", "b ")
    for days in (1, 31):
        age(days=days)
        tasks.reduce_logs()
        whole = [Kind.QUEUED, Kind.STARTED, Kind.TEXT, Kind.TEXT, Kind.COMPLETED]
        assert look(enormous) == (whole, LogKept.NEEDED)
    assert look(other)[1] == LogKept.PRUNED
    assert answers.so_far(enormous).text == "x" * 800_000


@pytest.mark.parametrize("reduced_after", [{"seconds": 610}, {"days": 31}])
def test_segments_of_a_continued_answer_stay_separate_in_any_order_of_reduction(  # B29 B39
    answered, session, alice, reduced_after
):
    first = answered("Once ", "upon ☃ ", extra=[TOOL])
    age(**reduced_after)
    tasks.reduce_logs()
    second = answered("a ", "time", run=actions.continue_answer(first.message, user=alice))
    assert second.message.content == "Once upon ☃ a time"
    age(**reduced_after)
    tasks.reduce_logs()
    assert [answers.so_far(run).text for run in (first, second)] == ["Once upon ☃ ", "a time"]
    assert [answers.so_far(run).tools for run in (first, second)] == [[TOOL[1]], []]
    third = actions.continue_answer(second.message, user=alice)
    assert earlier_segments(third).text == "Once upon ☃ a time"
    assert answered(".", run=third).message.content == "Once upon ☃ a time."


def test_content_that_exists_only_in_the_log_is_not_pruned(answered):
    """A run of an older version does not know its piece; a message may have been tampered with."""
    unknown, other = answered("a"), answered("b")
    Run.objects.filter(pk=unknown.pk).update(text_characters=None)
    type(other.message).objects.filter(pk=other.message_id).update(content="something else")
    age(days=31)
    tasks.reduce_logs()
    for run, text in ((unknown, "a"), (other, "b")):
        assert look(run)[1] == LogKept.NEEDED
        assert store.fold_stream(run.id).text == text


def test_upkeep_stops_at_its_time_budget_and_continues_in_the_next_call(answered, monkeypatch):
    runs = [answered("a", "b"), answered("c", "d")]
    age(seconds=610)
    calls = 0
    while any(look(run)[1] == LogKept.WHOLE for run in runs):
        retention.compact_due(retention.TimeBudget(0))
        calls += 1
    assert 2 < calls < 9
    assert [store.fold_stream(run.id).text for run in runs] == ["ab", "cd"]


def test_events_of_deleted_sessions_are_deleted_once_no_writer_can_exist(send, claim, session, alice):  # B40
    run, kept = claim(send()), send()
    store.append(run.id, (Kind.TEXT, {"text": "secret"}))
    actions.delete_session(session, by=alice)
    tasks.tidy()
    assert LoggedEvent.objects.filter(stream=run.id).count() == 1  # its fence
    LoggedEvent.objects.update(at=timezone.now() - timedelta(days=2))
    tasks.tidy()
    assert not LoggedEvent.objects.filter(stream__in=[run.id, kept.id]).exists()


def test_a_walk_through_the_streams_deletes_orphans_and_nothing_else(send, monkeypatch):
    monkeypatch.setattr(retention, "WALK_STREAMS", 2)
    run, orphans = send(), [uuid4() for _ in range(5)]
    for stream in orphans:
        store.append(stream, *[(Kind.TEXT, {"text": "x"})] * 3)
    LoggedEvent.objects.update(at=timezone.now() - timedelta(days=2))
    store.append(orphans[0], (Kind.TEXT, {"text": "a zombie writes"}))
    place = retention.FIRST_STREAM
    while place is not None:  # in the smallest steps
        place = retention.delete_orphans(place, retention.TimeBudget(0))
    assert set(LoggedEvent.objects.values_list("stream", flat=True)) == {run.id, orphans[0]}


def test_old_workers_are_deleted_but_not_their_runs(answered, worker, monkeypatch):
    monkeypatch.setattr(retention, "DETACH_RUNS", 2)
    runs = [answered(word) for word in "abc"]
    living = Worker.objects.create(name="v", pid=2, pool="gevent", lease_until=timezone.now() - timedelta(days=29))
    retention.delete_workers(retention.TimeBudget(9))
    assert Worker.objects.count() == 2
    Worker.objects.filter(pk=worker.pk).update(lease_until=timezone.now() - timedelta(days=31))
    retention.delete_workers(retention.TimeBudget(9))
    assert list(Worker.objects.all()) == [living]
    assert Run.objects.filter(pk__in=[run.pk for run in runs], worker=None).count() == 3


def test_the_timeline_shows_the_content_of_a_snapshot(answered):  # B59
    run = answered("Good ", "morning ", "to you")
    age(seconds=610)
    tasks.reduce_logs()
    lines = [(line.first, line.last, line.kind, line.text) for line in timeline.timeline(run.id)]
    assert lines[2:4] == [(3, 4, "", "in this snapshot:"), (5, 5, Kind.SNAPSHOT, "Good morning to you")]
