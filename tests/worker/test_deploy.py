"""A deploy ends workers: their runs finish, or end as LOST to a restart with their text kept."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.utils import timezone

from runs.models import Run, Worker
from runs.states import LostReason, Status, StopReason
from runs.worker.watchdog import EXIT_FORCED
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.people import Person
from tests.harness.processes import Part
from tests.harness.stack import WITHOUT_BEAT
from tests.harness.upstream import prompt, spoken

each_pool = pytest.mark.parametrize("pool", ["gevent", "prefork"])
NEVER = "600"  # s; the tests would not wait so long


def begin_warm_stop(worker: Part) -> None:
    worker.process.send_signal(signal.SIGTERM)
    worker.wait_for_line("Warm shutdown")


def wait_for_exit(worker: Part) -> int:
    return wait_until(lambda: not worker.is_alive, f"{worker.name} ends") and worker.process.returncode


def still_runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def send_stalled(stack, alice) -> tuple[Run, object]:
    """A run that has written four words and then stalls, its prompt, and a follower that has received the words."""
    say = prompt(tokens=10, stall_after=4)
    run = alice.send(say)
    return run, say, alice.follow(run).wait_for_text(spoken(4))


@each_pool
def test_runs_finish_during_a_warm_stop_and_no_new_one_is_begun(start_worker, pool):  # B13
    stack = start_worker(pool, DRAIN_SECONDS=NEVER)
    alice = stack.person("alice")
    say, late = prompt(tokens=20, hold=[10]), prompt(tokens=3)
    run = alice.send(say)
    follower = alice.follow(run).wait_for_text(spoken(10))
    begin_warm_stop(stack.worker)
    later = alice.send(late)
    stack.upstream.release(say.tag)
    run = check(run, follower)
    assert (run.status, run.message.content) == (Status.COMPLETED, spoken(20))
    assert wait_for_exit(stack.worker) == 0

    # The later one should still wait, and the next worker take it
    assert stack.upstream.connections(late.tag) == []
    assert Run.objects.get(pk=later.pk).status == Status.QUEUED
    stack.start_part(stack.worker)
    assert check(later).status == Status.COMPLETED


@each_pool
def test_what_still_runs_at_the_deadline_is_lost_to_the_restart_with_its_text(start_worker, pool):  # B13
    stack = start_worker(pool, DRAIN_SECONDS="1")
    alice = stack.person("alice")
    run, say, follower = send_stalled(stack, alice)
    stack.worker.process.send_signal(signal.SIGTERM)
    assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    run = check(run, follower)
    assert (run.status, run.reason, run.message.content) == (Status.LOST, LostReason.RESTART, spoken(4))
    assert (run.stop_requested_at, run.retryable) == (None, True)
    assert wait_for_exit(stack.worker) == 0

    # Nothing should have to wait for its lease to run out
    assert not Worker.objects.filter(runs=run, lease_until__gt=timezone.now()).exists()


@pytest.mark.one_database
@each_pool
@pytest.mark.parametrize(
    "signals", [(signal.SIGQUIT,), (signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM, signal.SIGQUIT)]
)
def test_a_cold_stop_or_a_second_signal_ends_the_drain_at_once(start_worker, pool, signals):  # B13
    stack = start_worker(pool, DRAIN_SECONDS=NEVER)
    alice = stack.person("alice")
    run, say, follower = send_stalled(stack, alice)
    for number in signals:
        stack.worker.process.send_signal(number)
        stack.worker.wait_for_line("Warm shutdown")
    assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    run = check(run, follower)
    assert (run.status, run.reason, run.message.content) == (Status.LOST, LostReason.RESTART, spoken(4))
    assert wait_for_exit(stack.worker) == 0


@pytest.mark.one_database
@each_pool
def test_a_shutdown_by_remote_control_drains_too(start_worker, pool):  # B13
    stack = start_worker(pool, DRAIN_SECONDS="1")
    alice = stack.person("alice")
    run, _, follower = send_stalled(stack, alice)
    stack.manage("shell", "-c", "from celery import current_app; current_app.control.shutdown()")
    run = check(run, follower)
    assert (run.status, run.reason) == (Status.LOST, LostReason.RESTART)
    wait_for_exit(stack.worker)


@pytest.mark.one_database
@each_pool
def test_a_shutdown_by_remote_control_can_be_hurried(start_worker, pool):  # B13
    stack = start_worker(pool, DRAIN_SECONDS=NEVER)
    alice = stack.person("alice")
    run, _, follower = send_stalled(stack, alice)
    stack.manage("shell", "-c", "from celery import current_app; current_app.control.shutdown()")
    stack.worker.wait_for_line("Got shutdown from remote")
    stack.worker.process.send_signal(signal.SIGQUIT)
    assert check(run, follower).reason == LostReason.RESTART
    wait_for_exit(stack.worker)


@pytest.mark.one_database
@each_pool
def test_stop_works_while_the_worker_drains(start_worker, pool):  # B13 B37
    stack = start_worker(pool, DRAIN_SECONDS=NEVER, LEASE_RENEW_SECONDS="0.5")
    alice = stack.person("alice")
    run, _, follower = send_stalled(stack, alice)
    begin_warm_stop(stack.worker)
    alice.stop(run)
    run = check(run, follower)
    assert (run.status, run.reason) == (Status.STOPPED, StopReason.USER)
    assert wait_for_exit(stack.worker) == 0


@pytest.mark.parametrize("pool", ["gevent", pytest.param("prefork", marks=pytest.mark.long)])
def test_a_rolling_restart_under_load_loses_no_run(make_stack, pool):  # B13
    stack = make_stack(WITHOUT_BEAT, pool=pool)
    second = stack.start_part(stack.make_worker("second"))
    people = [stack.person("alice") for _ in range(3)]
    sessions = [person.new_session() for person in people]
    sent, enough = [], threading.Event()

    def ask_again_and_again(person: Person, session: str) -> None:
        while not enough.is_set():
            say = prompt(tokens=40, rate=40)
            run = person.api("POST", f"/sessions/{session}/messages", {"text": say}).json()["run"]["id"]
            sent.append((run, say.tag))
            person.follow(run).wait_for_final()

    with ThreadPoolExecutor(len(people)) as crowd:
        asking = [crowd.submit(ask_again_and_again, *pair) for pair in zip(people, sessions, strict=True)]
        try:
            for worker in (stack.worker, second):
                count = len(sent)
                wait_until(lambda count=count: len(sent) > count + 4, "more is asked")
                worker.process.terminate()
                assert wait_for_exit(worker) == 0
                worker.kill()
                worker.start()
                stack.wait_for(worker)
        finally:
            enough.set()
    assert not [thread.exception() for thread in asking if thread.exception()]
    for run_id, tag in sent:
        run = check(Run.objects.get(pk=run_id))
        assert (run.status, run.message.content) == (Status.COMPLETED, spoken(40))
        assert len(stack.upstream.connections(tag)) == 1


@pytest.mark.one_database
def test_a_worker_that_hangs_in_its_last_moment_says_where_and_is_ended(make_stack):  # B13
    options = ("-I", "tests.worker.hanging_late")
    stack = make_stack(
        ("valkey", "worker"), pool="prefork", worker_options=options, DRAIN_SECONDS="0", EXIT_SECONDS="8"
    )
    stack.worker.process.terminate()
    assert wait_for_exit(stack.worker) != 0
    assert "hanging_late.py" in stack.worker.tail(200)


@pytest.mark.one_database
@each_pool
def test_a_shutdown_that_hangs_says_where_and_is_ended(make_stack, pool):  # B13
    options = ("-I", "tests.worker.hanging")  # on gevent Celery's loop alone may need two rounds of 2 s to hear of it
    stack = make_stack(WITHOUT_BEAT, pool=pool, worker_options=options, DRAIN_SECONDS="0", EXIT_SECONDS="8")
    alice = stack.person("alice")
    run, _, follower = send_stalled(stack, alice)
    children = Path(f"/proc/{stack.worker.pid}/task/{stack.worker.pid}/children").read_text().split()
    assert bool(children) == (pool == "prefork")
    stack.worker.process.terminate()
    run = check(run, follower)
    assert (run.status, run.reason, run.message.content) == (Status.LOST, LostReason.RESTART, spoken(4))
    assert wait_for_exit(stack.worker) == EXIT_FORCED
    assert "hang_for_ever" in stack.worker.tail(200)
    wait_until(lambda: not [pid for pid in children if still_runs(pid)], "its children are gone")
