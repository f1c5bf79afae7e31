"""Runs and maintenance do not block each other, and a lost task is noticed."""

import pytest

from runs.lifecycle import dispatch
from runs.models import Run
from runs.states import LostReason, Status
from streams.events import fold
from tests.harness.check import check, logged
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.one_database

each_pool = pytest.mark.parametrize("pool", ["gevent", "prefork"])


@each_pool
def test_upkeep_goes_on_while_a_worker_is_full_of_runs(make_stack, pool):  # B12
    stack = make_stack(
        pool=pool, worker_options=("-c", "2"), LEASE_SECONDS="1.5", LEASE_RENEW_SECONDS="0.5", REDISPATCH_SECONDS="1"
    )
    alice = stack.person("alice")
    held = [prompt(tokens=6, hold=[2]) for _ in range(2)]
    full = [alice.send(say) for say in held]
    for run in full:
        alice.follow(run).wait_for_text(spoken(2))

    # A run of another worker, which is killed, should be reaped by the full one
    other = stack.start_part(stack.make_worker("other", "-c", "1"))
    say = prompt(tokens=6, stall_after=2)
    orphan = alice.send(say)
    wait_until(lambda: fold(logged(orphan)).text == spoken(2), "the other worker writes")
    other.kill()
    orphan = check(orphan)
    assert (orphan.status, orphan.reason, orphan.message.content) == (Status.LOST, LostReason.LEASE, spoken(2))

    # Two more should wait in the broker, where Stop reaches them at once
    waits, stopped = prompt(tokens=3), prompt(tokens=3)
    third, fourth = alice.send(waits), alice.send(stopped)
    assert alice.stop(fourth).json()["state"] == "stopped"
    assert Run.objects.get(pk=third.pk).status == Status.QUEUED

    # And start when a slot is free
    stack.upstream.release(held[0].tag)
    assert check(third).message.content == spoken(3)
    stack.upstream.release(held[1].tag)
    assert [check(run).status for run in full] == [Status.COMPLETED] * 2
    assert check(fourth).status == Status.STOPPED
    assert stack.upstream.connections(stopped.tag) == []


@each_pool
def test_a_full_worker_hears_stop(start_worker, pool):  # B35
    stack = start_worker(pool, "-c", "1", LEASE_RENEW_SECONDS="4")
    alice = stack.person("alice")
    say = prompt(tokens=6, stall_after=2)
    run = alice.send(say)
    alice.follow(run).wait_for_text(spoken(2))
    waiting = [alice.send(prompt(tokens=2)) for _ in range(3)]
    alice.stop(run)
    assert check(run).status == Status.STOPPED
    assert [check(run).status for run in waiting] == [Status.COMPLETED] * 3


@each_pool
def test_a_full_worker_hears_a_warm_stop(start_worker, pool):  # B13
    stack = start_worker(pool, "-c", "1", DRAIN_SECONDS="1")
    alice = stack.person("alice")
    say = prompt(tokens=6, stall_after=2)
    run = alice.send(say)
    alice.follow(run).wait_for_text(spoken(2))
    waiting = alice.send(prompt(tokens=2))
    stack.worker.process.terminate()
    assert check(run).reason == LostReason.RESTART
    wait_until(lambda: not stack.worker.is_alive, "the worker ends")
    assert Run.objects.get(pk=waiting.pk).status == Status.QUEUED
    stack.start_part(stack.worker)
    assert check(waiting).status == Status.COMPLETED


def test_a_run_whose_task_was_lost_with_the_broker_is_started_again(make_stack):  # B6
    stack = make_stack(start=("valkey", "web"), REDISPATCH_SECONDS="1")
    alice = stack.person("alice")
    run = alice.send(prompt(tokens=3))
    stack.valkey.kill()  # it keeps nothing on disk
    for part in (stack.valkey, stack.worker, stack.beat):
        stack.start_part(part)
    assert check(run).status == Status.COMPLETED


def test_the_queue_does_not_grow_while_no_worker_takes_runs(make_stack):  # B6
    stack = make_stack(start=("valkey", "web"), REDISPATCH_SECONDS="0.1")
    alice = stack.person("alice")
    runs = [alice.send(prompt(tokens=3)) for _ in range(3)]
    upkeep = stack.start_part(stack.make_worker("upkeep", "-Q", "upkeep"))
    stack.start_part(stack.beat)
    upkeep.wait_for_line(r"(?s)reap\[(.*?)\] succeeded.*reap\[(?!\1).*?\] succeeded")
    tasks = dict(Run.objects.values_list("id", "task_id"))
    assert tasks == {run.id: run.task_id for run in runs}
    upkeep.kill()
    stack.start_part(stack.worker)
    assert [check(run).status for run in runs] == [Status.COMPLETED] * 3


# Beat, when no worker takes what it sends, for longer than its queue may grow.
BEAT_ALONE = """
import tempfile
from chatapp.celery import app
from runs.worker.beat import Scheduler
beat = Scheduler(app, schedule_filename=tempfile.mkdtemp() + "/schedule")
queue = app.amqp.queues["upkeep"].bind(beat.producer.channel)
for count in (60, 5):
    for _ in range(count):
        beat.apply_entry(beat.schedule["reap"], producer=beat.producer)
    print(queue.queue_declare().message_count)
"""


def test_the_backlog_counts_the_tasks_that_wait(make_stack):
    stack = make_stack(start=("valkey", "web"))
    alice = stack.person("alice")
    script = "from runs.lifecycle import dispatch; print(dispatch.backlog())"
    assert stack.manage("shell", "-v", "0", "-c", script).stdout.strip() == "0"
    for _ in range(2):
        alice.send(prompt(tokens=3))
    assert stack.manage("shell", "-v", "0", "-c", script).stdout.strip() == "2"
    assert stack.manage("shell", "-v", "0", "-c", BEAT_ALONE).stdout.split() == ["50", "50"], "it stops there"
    stack.valkey.kill()
    done = stack.manage("shell", "-v", "0", "-c", script, check=False)
    assert dispatch.BrokerDown.__name__ in done.stderr
