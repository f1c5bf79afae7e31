"""Retries by the engine, continue, regenerate, replace, titles: with real workers."""

import json

from chatapp.chats.models import Session
from runs.models import Run
from runs.states import Status, StopReason
from tests.harness.check import check, logged
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken


def test_a_transient_error_before_the_first_token_is_tried_again(each_stack):  # B15
    alice = each_stack.person("alice")
    say = prompt(tokens=5, status=503, times=2)
    run = alice.send(say)
    follower = alice.follow(run)
    run = check(run, follower)
    assert (run.status, run.attempt, run.message.content) == (Status.COMPLETED, 3, spoken(5))
    assert [event.kind for event in logged(run)].count("run.retrying") == 2
    assert len(each_stack.upstream.connections(say.tag)) == 3


def test_a_busy_upstream_is_asked_four_times_and_not_more(each_stack):  # B15
    alice = each_stack.person("alice")
    say = prompt(status=429)
    run = check(alice.send(say))
    assert (run.status, run.code, run.attempt) == (Status.FAILED, "upstream_rate_limited", 4)
    assert len(each_stack.upstream.connections(say.tag)) == 4


def test_an_upstream_that_wants_to_be_left_alone_for_long_has_failed(stack):  # B15
    alice = stack.person("alice")
    say = prompt(status=429, retry_after="3600")
    assert check(alice.send(say)).attempt == 1
    assert len(stack.upstream.connections(say.tag)) == 1


def test_nothing_is_retried_after_the_first_token(each_stack):  # B15
    alice = each_stack.person("alice")
    say = prompt(tokens=9, close_after=3)
    assert check(alice.send(say)).code == "upstream_interrupted"
    assert len(each_stack.upstream.connections(say.tag)) == 1


def test_stop_ends_a_run_that_waits_to_try_again(start_worker):  # B15 B35
    stack = start_worker("gevent", UPSTREAM_RETRY_SECONDS="30")
    alice = stack.person("alice")
    run = alice.send(prompt(status=503))
    follower = alice.follow(run).wait(lambda f: any(e.kind == "run.retrying" for e in f.events), "a retry")
    alice.stop(run)
    assert check(run, follower).status == Status.STOPPED


def _post(person, path: str, value: object = None) -> Run:
    reply = person.api("POST", path, value)
    assert reply.status == 202, reply
    body = reply.json()
    return Run.objects.get(pk=body.get("run", body)["id"])


def test_continue_goes_on_in_the_same_message(each_stack):  # B39
    alice = each_stack.person("alice")
    say = prompt(tokens=9, stall_after=4)
    first = alice.send(say)
    alice.follow(first).wait_for_text(spoken(4))
    alice.stop(first)
    first = check(first)
    second = check(_post(alice, f"/runs/{first.pk}/continue", {}))
    assert second.message_id == first.message_id
    assert second.message.content == spoken(4) + spoken(20)


def test_regenerate_stops_what_runs_and_writes_beside_it(each_stack):  # B17 B40
    alice = each_stack.person("alice")
    say = prompt(tokens=9, stall_after=4, times=1)
    first = alice.send(say)
    alice.follow(first).wait_for_text(spoken(4))
    second = _post(alice, f"/runs/{first.pk}/again", {})
    each_stack.upstream.wait(say.tag, "closed")
    first = check(first)
    assert (first.status, first.reason) == (Status.STOPPED, StopReason.REPLACED)
    wait_until(lambda: Run.objects.get(pk=second.pk).started_at, "the second answer begins")
    assert Run.objects.get(pk=second.pk).started_at >= first.finished_at
    alice.stop(second)
    check(second)


def test_replace_writes_nothing_until_the_partial_is_saved(each_stack):  # B17
    alice = each_stack.person("alice")
    session = alice.new_session()
    first = alice.send(prompt(tokens=9, stall_after=4), session)
    follower = alice.follow(first).wait_for_text(spoken(4))
    second = alice.send(prompt(tokens=3), session, when_busy="replace")
    first, second = check(first, follower), check(second)
    assert (first.reason, first.message.content) == (StopReason.REPLACED, spoken(4))
    assert second.started_at >= first.finished_at
    assert second.message.parent.parent_id == first.message_id


def test_reject_names_the_run_that_is_in_the_way(stack):  # B20
    alice = stack.person("alice")
    session = alice.new_session()
    say = prompt(tokens=3, hold=[1])
    first = alice.send(say, session)
    stack.upstream.wait(say.tag, "stalled")
    body = {"text": "now", "when_busy": "reject"}
    reply = alice.api("POST", f"/sessions/{session}/messages", body)
    assert (reply.status, reply.json()["code"], reply.json()["run"]) == (409, "session_busy", str(first.pk))
    stack.upstream.release(say.tag)
    check(first)


def test_a_queue_survives_everything_and_goes_on_in_order(make_stack):  # B18 B19
    stack = make_stack()
    alice = stack.person("alice")
    session = alice.new_session()
    say = prompt(tokens=3, hold=[1])
    runs = [alice.send(text, session) for text in (say, prompt(tokens=1), prompt(tokens=2))]
    stack.upstream.wait(say.tag, "stalled")
    for part in (stack.web, stack.beat, stack.valkey):
        part.kill()
    for part in (stack.valkey, stack.web, stack.beat):
        stack.start_part(part)
    stack.upstream.release(say.tag)
    runs = [check(run) for run in runs]
    assert [run.message.content for run in runs] == [spoken(3), spoken(1), spoken(2)]
    assert runs[0].finished_at <= runs[1].started_at and runs[1].finished_at <= runs[2].started_at


def test_a_session_is_named_after_its_first_exchange_and_a_failed_title_fails_nothing(start_worker):  # B14
    stack = start_worker("gevent", TITLES="1")
    alice = stack.person("alice")
    run = check(alice.send(prompt(tokens=3)))
    title = wait_until(lambda: Session.objects.get(pk=run.session_id).title, "a title")
    assert title == spoken(20).strip() and len(title) <= 80

    # A name given by a person should stay
    named = alice.new_session(title="Mine")
    check(alice.send(prompt(tokens=3), named))
    assert Session.objects.get(pk=named).title == "Mine"


def test_deleting_a_session_stops_its_run_and_nothing_comes_back(each_stack):  # B40
    alice = each_stack.person("alice")
    say = prompt(tokens=500, rate=100)
    run = alice.send(say)
    follower = alice.follow(run).wait_for_text(spoken(10))
    assert alice.api("DELETE", f"/sessions/{run.session_id}").status == 204
    assert each_stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    assert follower.wait_for_final().kind == "run.stopped"
    wait_until(lambda: [event.kind for event in logged(run)] == ["run.stopped"], "nothing but the end is left")
    assert not Run.objects.filter(pk=run.pk).exists()


def test_a_request_lost_with_a_kept_connection_is_an_attempt_that_counts_and_is_told(each_stack):  # B15 B65
    """The request was resent automatically: the upstream worked twice, and the run reported one attempt."""
    alice = each_stack.person("alice")
    for _ in range(5):  # until an answer's connection is kept: its end may come a moment after its end marker
        check(alice.send(prompt(tokens=3)))
        say = prompt(tokens=5, on_kept="drop")
        sent = alice.send(say)
        run, seen = check(sent), each_stack.upstream.connections(say.tag)
        assert (run.status, run.attempt, run.message.content) == (Status.COMPLETED, len(seen), spoken(5))
        if run.attempt == 2:
            break
    assert [connection["ended"] for connection in seen] == ["interrupted", "finished"]
    retrying = [event for event in logged(run) if event.kind == "run.retrying"]
    assert [json.loads(event.data)["code"] for event in retrying] == ["upstream_dropped"]


def test_a_connection_that_hangs_up_after_its_answer_costs_no_attempt(each_stack):  # B65
    alice = each_stack.person("alice")
    for _ in range(3):
        assert check(alice.send(prompt(tokens=3, hang_up=True))).attempt == 1


def test_half_a_head_is_an_interruption_and_nothing_is_sent_again(each_stack):  # B15 B65
    alice = each_stack.person("alice")
    for _ in range(5):
        check(alice.send(prompt(tokens=3)))
        say = prompt(tokens=5, on_kept="cut_head")
        run = check(alice.send(say))
        assert len(each_stack.upstream.connections(say.tag)) == run.attempt == 1
        if run.status == Status.FAILED:
            break
    assert run.code == "upstream_interrupted"
