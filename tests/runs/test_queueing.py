"""The queue of a session, and what goes ahead of it. Nothing is dispatched here: the moves are made by hand."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chatapp.chats.models import Message, MessageState, Session
from runs import actions, error_details
from runs.access import may_follow
from runs.errors import KeyReused, NothingToContinue, NotQueued, PromptEmpty, SessionBusy, TooManyRuns, TooManySends
from runs.lifecycle import attached, queue, reaper, transitions
from runs.lifecycle.stop import request_stop
from runs.models import Run
from runs.signals import ended
from runs.states import Status, StopReason, WhenBusy
from streams.events import Kind
from streams.log import store
from streams.models import LoggedEvent


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """Run what a transaction does on commit (the broker is away: a start fails, a revoke is lost)."""

    def run(function, *args, **options):
        with django_capture_on_commit_callbacks(execute=True):
            return function(*args, **options)

    return run


@pytest.fixture
def no_broker_needed(monkeypatch):
    """As if the broker took everything: who is started, in order."""
    started = []
    monkeypatch.setattr("runs.lifecycle.dispatch.start", lambda run_id, task_id: started.append(run_id))
    monkeypatch.setattr("runs.lifecycle.dispatch.revoke", lambda task_id: None)
    return started


def _waiting(session) -> list[str]:
    return [run.message.parent.content for run in queue.waiting(session)]


def _path(run: Run) -> list[str]:
    message, path = Message.objects.get(pk=run.message_id), []
    while message := message.parent:
        path.append(message.content)
    return path[::-1]


def test_queued_messages_can_be_edited_removed_and_cleared(send, session, alice):  # B18
    first, second, third, _ = send("one"), send("two"), send("three"), send("four")
    assert _waiting(session) == ["two", "three", "four"]
    queue.edit(second, "two, edited")
    queue.remove(third, by=alice)
    assert _waiting(session) == ["two, edited", "four"]
    assert not Message.objects.filter(content="three").exists()
    assert [event.kind for event in store.read(third.id)] == [Kind.STOPPED]
    with pytest.raises(NotQueued):
        queue.edit(first, "too late")
    with pytest.raises(PromptEmpty):
        queue.edit(second, " ")
    assert queue.clear(session, by=alice) == 2
    assert _waiting(session) == []


def test_clearing_the_queue_keeps_written_text(send, claim, session, alice):  # B18
    first = claim(send("one"))
    store.append(first.id, (Kind.TEXT, {"text": "Once upon"}))
    transitions.complete(first.id, "stop")
    claim(send("two"))
    answer = Message.objects.get(pk=first.message_id)
    longer = actions.continue_answer(answer, user=alice)
    other = actions.answer_again(answer, user=alice)
    for run in (longer, other):
        with pytest.raises(NotQueued):
            queue.edit(run, "another question")
    assert queue.clear(session, by=alice) == 2
    answer.refresh_from_db()
    assert (answer.content, answer.parent.content) == ("Once upon", "one")
    assert not Run.objects.in_queue().exists()


def test_a_question_is_attached_to_the_branch_when_its_answer_starts(
    send, claim, session, alice, committed, no_broker_needed
):
    # B18 B19
    runs = [send(text) for text in ("one", "two", "three")]
    claim(runs[0])
    queue.remove(runs[1], by=alice)
    store.append(runs[0].id, (Kind.TEXT, {"text": "first answer"}))
    committed(transitions.complete, runs[0].id, "stop")
    assert no_broker_needed == [runs[2].id]
    claim(runs[2])
    assert _path(runs[2]) == ["one", "first answer", "three"]


def test_a_message_sent_between_two_answers_does_not_overtake_the_queue(
    send, claim, committed, no_broker_needed
):  # B18 B19
    """The answer before had ended and nothing was started yet, or could be: the newest message was answered first."""
    first, second = send("one"), send("two")
    claim(first)
    transitions.complete(first.id, "stop")  # and its process dies before the commit's callbacks
    committed(send, "three")
    assert no_broker_needed == [second.id]


@pytest.mark.parametrize("end", ["stop", "fail", "lose"])
def test_after_a_stop_or_a_failure_the_queue_is_held(send, claim, session, committed, no_broker_needed, end):  # B19
    first, second = send("one"), send("two")
    claim(first)
    ends = {
        "stop": lambda: transitions.stop(first.id),
        "fail": lambda: transitions.fail(first.id, PromptEmpty()),
        "lose": lambda: transitions.interrupt(first.id),
    }
    committed(ends[end])
    session.refresh_from_db()
    assert session.is_queue_held and no_broker_needed == []
    assert reaper.start_stalled_queues() == 0

    # What is sent now should be answered at once, the rest waits until it is released
    third = committed(send, "three")
    assert no_broker_needed == [third.id]
    claim(third)
    committed(transitions.complete, third.id, "stop")
    assert _waiting(session) == ["two"]
    committed(queue.release, session)
    assert no_broker_needed == [third.id, second.id]


def test_send_now_starts_although_the_queue_is_held(send, claim, session, alice, committed, no_broker_needed):  # B19
    first, _, third = send("one"), send("two"), send("three")
    claim(first)
    committed(transitions.stop, first.id)
    committed(queue.send_now, third, by=alice)
    assert no_broker_needed == [third.id]
    assert _waiting(session) == ["two"]


def test_send_now_stops_the_running_answer_and_goes_to_the_head(
    send, claim, alice, committed, no_broker_needed
):  # B17 B18
    first, second, third = send("one"), send("two"), send("three")
    claim(first)
    committed(queue.send_now, third, by=alice)
    first.refresh_from_db()
    assert (first.status, first.stop_reason) == (Status.RUNNING, StopReason.REPLACED)
    assert no_broker_needed == []  # not before the partial is saved
    committed(transitions.interrupt, first.id)
    first.refresh_from_db()
    assert (first.status, first.reason) == (Status.STOPPED, StopReason.REPLACED)
    assert no_broker_needed == [third.id]
    claim(third)
    committed(transitions.complete, third.id, "stop")
    assert no_broker_needed == [third.id, second.id]


@pytest.mark.parametrize("end", ["replaced", "stopped before", "failed"])
def test_send_now_stops_what_went_ahead_of_a_held_queue_and_starts(
    send, claim, session, alice, committed, no_broker_needed, end
):  # B18 B19
    """It waited for a release, since the queue was held when the answer that it stopped had ended."""
    first, second, third = send("one"), send("two"), send("three")
    claim(first)
    committed(transitions.stop, first.id)
    ahead = committed(send, "ahead")
    claim(ahead)
    if end == "stopped before":
        committed(request_stop, ahead, alice)
    committed(queue.send_now, third, by=alice)
    if end == "failed":
        committed(transitions.fail, ahead.id, PromptEmpty())
    else:
        committed(transitions.interrupt, ahead.id)
    assert no_broker_needed == [ahead.id, third.id]

    # The others should stay held, also when it is stopped
    claim(third)
    committed(transitions.stop, third.id)
    assert _waiting(session) == ["two"] and reaper.start_stalled_queues() == 0
    committed(queue.release, session)
    assert no_broker_needed == [ahead.id, third.id, second.id]


def test_only_the_last_of_two_messages_sent_now_starts_in_a_held_queue(
    send, claim, session, alice, committed, no_broker_needed
):  # B19
    first, second, third = send("one"), send("two"), send("three")
    claim(first)
    committed(transitions.stop, first.id)
    ahead = committed(send, "ahead")
    claim(ahead)
    committed(queue.send_now, second, by=alice)
    committed(queue.send_now, third, by=alice)
    transitions.interrupt(ahead.id)  # and its process dies before the commit's callbacks
    assert reaper.start_stalled_queues() == 1
    claim(third)
    committed(transitions.stop, third.id)
    assert _waiting(session) == ["two"]


def test_replace_and_reject(send, claim, session, alice, committed, no_broker_needed):  # B17 B20
    first, waiting = send("one"), send("two")
    claim(first)
    with pytest.raises(SessionBusy) as refusal:
        send("rejected", when_busy=WhenBusy.REJECT)
    assert refusal.value.run_id == first.id
    assert not Message.objects.filter(content="rejected").exists()
    second = committed(send, "instead", when_busy=WhenBusy.REPLACE)
    committed(transitions.interrupt, first.id)
    assert no_broker_needed == [second.id]
    assert _waiting(session) == ["two"]
    assert waiting.pk


def test_a_start_that_fails_puts_the_message_back_at_the_head(send, claim, session, committed):  # B20
    first, second = send("one"), send("two")
    claim(first)
    committed(transitions.complete, first.id, "stop")  # the broker is away
    second.refresh_from_db()
    assert (second.status, second.task_id) == (Status.QUEUED, None)
    assert _waiting(session) == ["two"]


def test_a_send_while_the_broker_is_down_fails_visibly_and_is_kept(send, committed):  # B11
    run = committed(send, "one")
    run.refresh_from_db()
    assert (run.status, run.code, run.retryable) == (Status.FAILED, "broker_unavailable", True)
    assert run.message.parent.content == "one"


def test_a_key_sends_once_and_refuses_another_message(send):  # B21 B22
    first = send("Hello", key="k")
    assert send("Hello", key="k").pk == first.pk
    assert Run.objects.count() == 1
    for other in ({"text": "Something else"}, {"model": "m"}, {"when_busy": WhenBusy.REPLACE}):
        with pytest.raises(KeyReused):
            send(**{"text": "Hello", "key": "k"} | other)


def test_a_retry_gets_the_first_answer_whatever_has_changed_meanwhile(send, model):  # B21
    send("one")
    waiting = send("two", model="m", key="k")
    queue.edit(waiting, "two, edited")
    model.delete()
    assert send("two", model="m", key="k").pk == waiting.pk


def test_limits_of_a_user(send, settings, claim):  # B57
    settings.USER_MAX_RUNS, settings.USER_MAX_SENDS = 2, 3
    runs = [send("one"), send("two")]
    with pytest.raises(TooManyRuns):
        send("three")
    for run in runs:
        transitions.stop(run.id)
    transitions.stop(send("three").id)
    with pytest.raises(TooManySends) as refusal:
        send("four")
    # It should say when the first of the three is a minute old.
    Run.objects.filter(pk=runs[0].pk).update(queued_at=timezone.now() - timedelta(seconds=20))
    with pytest.raises(TooManySends) as later:
        send("four")
    assert 0 < later.value.retry_after <= 40 < refusal.value.retry_after <= 60
    Run.objects.filter(pk=runs[0].pk).update(queued_at=timezone.now() - timedelta(seconds=61))
    send("four")


def test_regenerate_is_another_answer_to_the_same_question(send, claim, alice):  # B39
    first = claim(send("one"))
    transitions.complete(first.id, "stop")
    again = actions.answer_again(first.message, user=alice)
    assert again.message.parent_id == first.message.parent_id
    assert again.message_id != first.message_id
    assert Session.objects.get().tip_id == again.message_id


def test_regenerate_while_an_answer_runs_stops_that_first(send, claim, alice, committed, no_broker_needed):  # B17 B40
    first = claim(send("one"))
    again = committed(actions.answer_again, first.message, user=alice)
    first.refresh_from_db()
    assert first.stop_reason == StopReason.REPLACED and again.task_id is None
    committed(transitions.interrupt, first.id)
    assert no_broker_needed == [again.id]


def test_continue_lets_the_same_message_grow(send, claim, alice):  # B39
    first = claim(send("one"))
    with pytest.raises(NothingToContinue):
        actions.continue_answer(first.message, user=alice)
    store.append(first.id, (Kind.TEXT, {"text": "Once upon"}))
    transitions.stop(first.id)
    second = claim(actions.continue_answer(Message.objects.get(pk=first.message_id), user=alice))
    store.append(second.id, (Kind.TEXT, {"text": " a time"}))
    transitions.complete(second.id, "stop")
    message = Message.objects.get(pk=first.message_id)
    assert (message.content, message.state) == ("Once upon a time", MessageState.COMPLETE)
    assert list(message.runs.order_by("id")) == [first, second]


def test_editing_an_earlier_message_makes_a_branch(send, claim, alice):  # B40
    first = claim(send("one"))
    transitions.complete(first.id, "stop")
    second = claim(send("two"))
    transitions.complete(second.id, "stop")
    branch = actions.edit_and_send(second.message.parent, "two, better", user=alice)
    assert _path(branch) == ["one", "", "two, better"]
    assert Message.objects.filter(content="two").exists()


def test_a_deleted_session_leaves_no_text_and_its_run_can_not_bring_it_back(send, claim, session, alice):  # B40
    run = claim(send("one"))
    store.append(run.id, (Kind.TEXT, {"text": "secret"}))
    actions.delete_session(session, by=alice)
    assert not Run.objects.exists() and not Message.objects.exists()
    assert [event.kind for event in LoggedEvent.objects.filter(stream=run.id)] == [Kind.STOPPED]
    assert not transitions.complete(run.id, "stop")


def test_a_run_that_no_worker_claims_fails(send, settings):  # B9
    run = send("one")
    assert reaper.fail_unclaimed() == 0
    settings.RUN_QUEUED_SECONDS = -1
    assert reaper.fail_unclaimed() == 1
    run.refresh_from_db()
    assert (run.status, run.code) == (Status.FAILED, "queue_time_limit")


def test_an_attached_run_continues_while_it_has_a_viewer(send, claim, alice):  # B42
    run = claim(send("one"))
    Run.objects.update(viewer_until=run.started_at)
    attached.renew([run.id])
    assert attached.stop_unwatched() == 0
    Run.objects.update(viewer_until=run.started_at)
    assert attached.stop_unwatched() == 1
    transitions.interrupt(run.id)
    run.refresh_from_db()
    assert (run.status, run.reason) == (Status.STOPPED, StopReason.VIEWER_LEFT)


def test_an_attached_run_whose_lease_was_renewed_elsewhere_goes_on(send, claim):  # B42
    run = claim(send("one", is_attached=True))
    before = attached.followed_until(run.id)
    attached.renew([run.id])
    renewed = attached.stop_unless_renewed(run.id, before)
    assert renewed == attached.followed_until(run.id) != before
    assert attached.stop_unless_renewed(run.id, renewed) is None
    assert Run.objects.get().stop_reason == StopReason.VIEWER_LEFT


def test_a_detached_run_continues_without_viewers(send, claim):  # B7 B42
    run = claim(send("one"))
    assert attached.followed_until(run.id) is None
    attached.stop_without_viewer(run.id)
    assert attached.stop_unwatched() == 0
    assert Run.objects.get().stop_requested_at is None


def test_a_held_run_waits_until_its_queue_is_released(send, session, django_capture_on_commit_callbacks):  # B44
    run = send("one", is_attached=True, is_held=True)
    assert reaper.start_stalled_queues() == 0
    assert (run.status, run.task_id, run.viewer_until is None) == (Status.QUEUED, None, False)
    queue.release(session)
    run.refresh_from_db()
    assert run.task_id is not None


def test_an_unlisted_session_is_not_found_but_its_run_can_be_followed(send, session, alice, bob):  # B45 B46
    run = send("one")
    Session.objects.update(is_listed=False)
    assert not Run.objects.visible_to(alice).exists()
    assert not Session.objects.visible_to(alice).exists()
    assert may_follow({(alice.pk, run.pk), (bob.pk, run.pk)}) == {(alice.pk, run.pk)}


def test_the_end_of_a_run_is_signalled_once_after_the_commit(send, claim, django_capture_on_commit_callbacks):
    run, heard = claim(send("one")), []
    ended.connect(hear := lambda run_id, **_: heard.append(run_id))
    try:
        with django_capture_on_commit_callbacks() as callbacks:
            assert transitions.complete(run.id, "stop")
            assert not transitions.stop(run.id)
        assert heard == []
        for callback in callbacks:
            callback()
    finally:
        ended.disconnect(hear)
    assert heard == [run.id]


def test_a_long_trace_is_cut_with_its_length_and_hash():  # B48
    short = error_details.shorten("x" * 100)
    long = error_details.shorten("a" * 50_000 + "the end")
    assert short == "x" * 100
    assert len(long) < 9_000 and "50007 characters, sha256" in long and long.endswith("the end")
