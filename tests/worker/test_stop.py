"""Stop ends a run at once, closes the upstream's socket and keeps exactly what had arrived."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from runs.models import Run
from runs.states import LostReason, Status, StopReason
from tests.harness.check import check, logged
from tests.harness.facts import wait_until
from tests.harness.stack import WITHOUT_BEAT
from tests.harness.upstream import prompt, spoken


def test_stop_reaches_a_run_that_waits_on_a_silent_upstream(each_stack):  # B35 B36
    alice = each_stack.person("alice")
    say = prompt(tokens=10, stall_after=4)
    run = alice.send(say)
    sse, socket = alice.follow(run).wait_for_text(spoken(4)), alice.follow_ws(run)
    reply = alice.stop(run)
    assert (reply.status, reply.json()["state"]) == (202, "stopping")

    # The upstream should see its socket close
    assert each_stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"

    # The text should be exactly what had arrived, and who asked is recorded
    run = check(run, sse, socket)
    assert (run.status, run.reason, run.message.content) == (Status.STOPPED, StopReason.USER, spoken(4))
    assert run.stop_requested_by == alice.user
    assert run.queued_at <= run.started_at <= run.first_token_at <= run.stop_requested_at <= run.finished_at


def test_stop_before_the_first_word_leaves_an_empty_stopped_answer(each_stack):  # B35 B39
    alice = each_stack.person("alice")
    say = prompt(hold_headers=True)
    run = alice.send(say)
    each_stack.upstream.wait(say.tag, "started")
    alice.stop(run)
    assert each_stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    run = check(run)
    assert (run.status, run.message.content, run.first_token_at) == (Status.STOPPED, "", None)


@pytest.mark.parametrize(
    ("pool", "counts"),
    [
        pytest.param("gevent", (4, 2), id="gevent"),
        pytest.param("gevent", (8, 4), id="gevent, more", marks=pytest.mark.long),
        pytest.param("prefork", (3, 1), id="prefork"),
    ],
)
def test_stop_in_full_flow_saves_once_and_completion_excludes_it(start_worker, pool, counts):  # B35 B36
    """Some runs would go on long after the Stop; others end while the Stop is on its way.

    The worker checks the database so rarely that only the revoke can interrupt its runs.
    """
    stack = start_worker(pool, LEASE_SECONDS="900", LEASE_RENEW_SECONDS="300")
    alice = stack.person("alice")
    endless = [prompt(tokens=20_000, rate=200) for _ in range(counts[0])]  # 100 s
    ending = [prompt(tokens=9, hold=[8]) for _ in range(counts[1])]
    cut = [(say, run, alice.follow(run)) for say in endless if (run := alice.send(say))]
    raced = [(say, run, alice.follow(run)) for say in ending if (run := alice.send(say))]
    for number, (_, run, follower) in enumerate(cut):
        follower.wait_for_text(spoken(5 * number + 1))
        alice.stop(run)
    for say, run, follower in raced:
        follower.wait_for_text(spoken(8))
        stack.upstream.release(say.tag)
        alice.stop(run)

    # Those that would have gone on should have been cut off, with the text so far
    for number, (say, run, follower) in enumerate(cut):
        run = check(run, follower)
        assert run.status == Status.STOPPED
        assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
        assert run.message.content.startswith(spoken(5 * number + 1))
        assert spoken(20_000).startswith(run.message.content)

    # The others should be one or the other
    for _, run, follower in raced:
        run = check(run, follower)
        assert run.status in (Status.STOPPED, Status.COMPLETED)
        assert run.message.content in ([spoken(9)] if run.status == Status.COMPLETED else [spoken(8), spoken(9)])


def test_stop_is_idempotent_and_truthful(each_stack):  # B38
    alice, bob = each_stack.person("alice"), each_stack.person("bob")
    say = prompt(tokens=10, stall_after=2)
    run = alice.send(say)
    follower = alice.follow(run).wait_for_text(spoken(2))

    # Another user's run should be as if it did not exist, and untouched
    assert bob.stop(run).status == 404
    assert Run.objects.get(pk=run.pk).stop_requested_at is None

    # Many stops at once should be one
    threads = [threading.Thread(target=alice.stop, args=(run,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked_at = check(run, follower).stop_requested_at

    # A late one should say so and change nothing
    reply = alice.stop(run)
    assert (reply.status, reply.json()) == (200, {"state": "already_final", "status": "stopped"})
    assert Run.objects.get(pk=run.pk).stop_requested_at == asked_at


@pytest.mark.parametrize("pool", ["gevent", "prefork"])
def test_many_stops_at_once_end_every_run(start_worker, pool):  # B35 B36
    """Greenlets killed while they waited for a pooled connection leaked it: 17 of 200 runs never ended."""
    stack = start_worker(pool, DATABASE_POOL="2", LEASE_RENEW_SECONDS="0.3")
    alice = stack.person("alice")
    say = prompt(tokens=9, stall_after=4)
    runs = [alice.send(say) for _ in range(16 if pool == "gevent" else 4)]
    stack.upstream.wait(say.tag, "stalled", len(runs))
    with ThreadPoolExecutor(8) as crowd:
        replies = list(crowd.map(lambda run: alice.stop(run).json()["state"], runs))
    assert set(replies) <= {"stopping", "stopped"}
    for run in runs:
        run = check(run)
        assert (run.status, run.message.content) == (Status.STOPPED, spoken(4))


def test_a_late_stop_does_not_touch_the_next_run(each_stack):  # B37
    alice = each_stack.person("alice")
    session = alice.new_session()
    first = check(alice.send(prompt(tokens=2), session))
    say = prompt(tokens=5, hold=[2])
    second = alice.send(say, session)
    alice.follow(second).wait_for_text(spoken(2))
    assert alice.stop(first).json()["state"] == "already_final"
    each_stack.upstream.release(say.tag)
    assert check(second).status == Status.COMPLETED


def test_stop_with_no_worker_up_is_honoured_and_the_worker_never_starts_it(make_stack):  # B37
    stack = make_stack(start=("valkey", "web"))
    alice = stack.person("alice")
    stopped, kept = prompt(tokens=3), prompt(tokens=3)
    run, other = alice.send(stopped), alice.send(kept)
    assert alice.stop(run).json()["state"] == "stopped"
    stack.start_part(stack.worker)
    assert check(other).status == Status.COMPLETED
    assert check(run).status == Status.STOPPED
    assert stack.upstream.connections(stopped.tag) == []


@pytest.mark.parametrize("pool", ["gevent", "prefork"])
def test_a_stop_whose_revoke_is_lost_is_found_in_the_database(make_stack, pool):  # B37
    stack = make_stack(WITHOUT_BEAT, pool=pool, LEASE_RENEW_SECONDS="0.5")
    alice = stack.person("alice")
    say = prompt(tokens=10, stall_after=4)
    run = alice.send(say)
    follower = alice.follow(run).wait_for_text(spoken(4))
    stack.valkey.kill()
    alice.stop(run)
    assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    wait_until(lambda: Run.objects.get(pk=run.pk).is_final, "the run ends without Valkey")
    stack.start_part(stack.valkey)
    run = check(run, follower)
    assert (run.status, run.message.content) == (Status.STOPPED, spoken(4))


def test_a_revoke_from_outside_is_not_called_a_stop_by_the_user(each_stack):  # B41
    alice = each_stack.person("alice")
    say = prompt(tokens=10, stall_after=4)
    run = alice.send(say)
    follower = alice.follow(run).wait_for_text(spoken(4))
    run.refresh_from_db()
    each_stack.celery("control", "terminate", "SIGTERM", str(run.task_id))
    run = check(run, follower)
    assert (run.status, run.reason) == (Status.LOST, LostReason.INTERRUPTED)
    assert (run.message.content, run.stop_requested_at) == (spoken(4), None)
    assert logged(run)[-1].kind == "run.lost"
