"""`heal` finds what is not as it should be, and rebuilds it from the log."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from chatapp.chats.models import Message, MessageState
from runs import actions
from runs.lifecycle import transitions
from runs.maintenance import integrity, retention
from runs.models import Report, Run, Worker
from streams.events import FINAL_KINDS, Kind
from streams.log import store
from streams.models import LoggedEvent


@pytest.fixture
def answered(send, claim):
    def answered(*words, run=None):
        run = claim(run or send())
        store.append(run.id, *((Kind.TEXT, {"text": word}) for word in words))
        transitions.complete(run.id, "stop")
        return Run.objects.select_related("message").get(pk=run.pk)

    return answered


def found(repair=False):
    return [(finding.run, finding.problem, finding.is_repaired) for finding in integrity.heal(repair)]


def test_a_healthy_site_has_nothing_to_heal(answered, send, alice):
    run = answered("Good ", "morning")
    answered("more", run=actions.continue_answer(run.message, user=alice))  # one message of two runs
    send("waiting")
    assert found() == []
    assert Report.objects.get(pk="heal").data == {"looked_at": 2, "found": 0, "repaired": 0, "open": 0}


@pytest.mark.parametrize("is_compacted", [False, True])
def test_a_message_that_lost_its_text_is_rebuilt_from_the_log(answered, settings, is_compacted):
    settings.COMPACT_SECONDS = -1 if is_compacted else 600
    run = answered("Good ", "morning")
    if is_compacted:
        assert retention.compact_due(retention.TimeBudget(60)) == 1
    Message.objects.filter(pk=run.message_id).update(content="Good", html="<p>Good</p>")
    assert found() == [(run.pk, "its message differs from its stream", False)]
    # It should change nothing unless it is asked to.
    assert Message.objects.get(pk=run.message_id).content == "Good"
    assert found(repair=True) == [(run.pk, "its message differs from its stream", True)]
    message = Message.objects.get(pk=run.message_id)
    assert (message.content, message.html) == ("Good morning", "")
    assert found() == []


def test_all_runs_of_a_continued_answer_are_rebuilt(answered, alice):
    run = answered("Good ")
    later = answered("morning", run=actions.continue_answer(run.message, user=alice))
    Message.objects.filter(pk=run.message_id).update(content="")
    assert found(repair=True) == [(later.pk, "its message differs from its stream", True)]
    assert Message.objects.get(pk=run.message_id).content == "Good morning"


def test_a_missing_final_event_is_rebuilt_from_the_run(answered):
    run = answered("Good")
    LoggedEvent.objects.filter(stream=run.pk, kind__in=FINAL_KINDS).delete()
    assert ("its stream has no final event", True) in [(what, ok) for _, what, ok in found(repair=True)]
    last = store.head(run.pk)
    assert (last.kind, last.seq) == (Kind.COMPLETED, run.last_seq)
    assert found() == []


def test_contradicting_ends_are_reported_but_not_repaired(answered):
    run = answered("Good")
    LoggedEvent.objects.filter(stream=run.pk, kind=Kind.COMPLETED).update(kind=Kind.FAILED)
    [(_, what, is_repaired)] = found(repair=True)
    assert (what, is_repaired) == ("it is completed, but its stream ends with run.failed", False)
    assert Report.objects.get(pk="heal").data["open"] == 1


def test_a_message_in_a_stale_state_gets_its_final_state(answered):
    run = answered("Good")
    Message.objects.filter(pk=run.message_id).update(state=MessageState.ANSWERING)
    found(repair=True)
    assert Message.objects.get(pk=run.message_id).state == MessageState.COMPLETE


def test_stuck_runs_are_ended_or_started(send, claim, alice):
    from chatapp.chats.models import Session

    running = claim(send())
    long_ago = timezone.now() - timedelta(hours=3)
    Run.objects.filter(pk=running.pk).update(started_at=long_ago)
    Worker.objects.update(lease_until=long_ago)
    unclaimed = send(to=Session.objects.create(owner=alice))
    Run.objects.filter(pk=unclaimed.pk).update(task_id=uuid4(), dispatched_at=long_ago)
    forgotten = send(to=Session.objects.create(owner=alice))
    Run.objects.filter(pk=forgotten.pk).update(task_id=None, dispatched_at=None, queued_at=long_ago)
    assert {(run, ok) for run, _, ok in found()} == {(r.pk, False) for r in (running, unclaimed, forgotten)}
    assert {(run, ok) for run, _, ok in found(repair=True)} == {(r.pk, True) for r in (running, unclaimed, forgotten)}
    states = [Run.objects.get(pk=r.pk).status for r in (running, unclaimed, forgotten)]
    assert states == ["lost", "failed", "queued"]
    assert Run.objects.get(pk=forgotten.pk).task_id


def test_the_command_reports_problems_and_fails_while_some_are_open(answered, capsys):
    run = answered("Good")
    Message.objects.filter(pk=run.message_id).update(content="")
    with pytest.raises(SystemExit):
        call_command("heal")
    assert "--repair" in capsys.readouterr().err
    call_command("heal", "--repair", "--days", "1")
    assert "found 1 problems, repaired 1" in capsys.readouterr().out
