"""What a reader has seen is durable, whichever process is killed."""

import pytest

from runs.states import LostReason, Status
from tests.harness.check import check, logged
from tests.harness.stack import WITHOUT_BEAT
from tests.harness.upstream import prompt, spoken

QUICK_LEASE = {"LEASE_SECONDS": "1.5", "LEASE_RENEW_SECONDS": "0.5"}


@pytest.mark.parametrize("pool", ["gevent", "prefork"])
def test_text_that_was_seen_survives_a_killed_worker(make_stack, pool):  # B1 B2 B12
    stack = make_stack(pool=pool, **QUICK_LEASE)
    alice = stack.person("alice")
    run = alice.send(prompt(tokens=1000, rate=200))
    sse, socket = alice.follow(run), alice.follow_ws(run)
    seen = sse.wait_for_text(spoken(20)).text
    stack.worker.kill()

    # It should be in the database at once, before anything has been cleaned up
    events = logged(run)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert {envelope.seq for envelope in sse.events} <= {event.seq for event in events}

    # And the run should end as lost, with all of it kept
    run = check(run, sse, socket)
    assert (run.status, run.reason, run.retryable) == (Status.LOST, LostReason.LEASE, True)
    assert run.message.content.startswith(seen)


@pytest.mark.parametrize("pool", ["gevent", "prefork"])
def test_a_worker_that_was_suspended_beyond_its_lease_writes_nothing_more(make_stack, pool):  # B12
    stack = make_stack(pool=pool, STREAMS_SWEEP_SECONDS="0.5", **QUICK_LEASE)
    alice = stack.person("alice")
    say = prompt(tokens=9, hold=[4])
    run = alice.send(say)
    follower = alice.follow(run).wait_for_text(spoken(4))
    stack.worker.suspend()
    stack.upstream.release(say.tag)
    assert follower.wait_for_final().kind == "run.lost"
    lost = check(run, follower)

    # It should find itself fenced, leave the upstream, and be of use again
    stack.worker.resume()
    stack.upstream.wait(say.tag, "closed")
    assert check(alice.send(prompt(tokens=3))).status == Status.COMPLETED
    run = check(run, follower)
    assert (run.status, run.message.content) == (Status.LOST, spoken(4))
    assert (run.finished_at, run.last_seq) == (lost.finished_at, lost.last_seq)


def test_an_answer_goes_on_when_every_viewer_has_gone(each_stack):  # B3 B7
    alice = each_stack.person("alice")
    say = prompt(tokens=20, hold=[5])
    run = alice.send(say)
    followers = [alice.follow(run), alice.follow_ws(run)]
    for follower in followers:
        follower.wait_for_text(spoken(5)).close()
    each_stack.upstream.release(say.tag)
    run = check(run)
    assert (run.status, run.message.content) == (Status.COMPLETED, spoken(20))
    assert len(each_stack.upstream.connections(say.tag)) == 1


def test_an_answer_that_nobody_ever_watched_is_saved(each_stack):  # B5 B7
    alice = each_stack.person("alice")
    run = check(alice.send(prompt(tokens=7)))
    assert run.message.content == spoken(7)
    assert run.message.parent.content.startswith("Speak.")


def test_the_answer_goes_on_while_the_web_server_restarts(make_stack):  # B1 B7 B34
    stack = make_stack(WITHOUT_BEAT)
    alice = stack.person("alice")
    say = prompt(tokens=30, rate=50, hold=[20])
    run = alice.send(say)
    before = alice.follow(run).wait_for_text(spoken(5))
    stack.web.kill()
    before.wait_for_end()
    stack.start_part(stack.web)
    stack.upstream.release(say.tag)
    after = alice.follow(run, after=before.last_seq)
    assert before.final is None
    assert check(run, after).message.content == spoken(30)
    assert before.text + after.text == spoken(30)


def test_losing_valkey_loses_nothing_a_reader_saw(make_stack):  # B6
    stack = make_stack(WITHOUT_BEAT, STREAMS_SWEEP_SECONDS="0.5")
    alice = stack.person("alice")
    say = prompt(tokens=40, rate=100, hold=[10, 30])
    run = alice.send(say)
    sse, socket = alice.follow(run), alice.follow_ws(run)
    sse.wait_for_text(spoken(10))
    stack.valkey.kill()  # it keeps nothing on disk
    stack.upstream.release(say.tag)

    # The run should go on and be followed through the log
    sse.wait_for_text(spoken(30))
    stack.start_part(stack.valkey)
    stack.upstream.release(say.tag)
    run = check(run, sse, socket)
    assert (run.status, run.message.content) == (Status.COMPLETED, spoken(40))

    # And the next one should be answered as ever
    assert check(alice.send(prompt(tokens=3))).status == Status.COMPLETED
