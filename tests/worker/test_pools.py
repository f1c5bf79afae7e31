"""A worker starts only with a pool that can stop runs and settings that do not lose them."""

import subprocess
import sys

import pytest

from runs.states import Status
from tests.harness import parts
from tests.harness.check import check
from tests.harness.processes import ROOT, temporary_directory
from tests.harness.stack import clean_env
from tests.harness.upstream import prompt, spoken


def start_worker(*options: str, **values: str) -> subprocess.CompletedProcess:
    """Try to start a worker without a broker."""
    argv = [sys.executable, "-m", "celery", "-A", "chatapp", "worker", *options]
    env = clean_env(DATA_DIR=str(temporary_directory("pools")), REDIS_URL="redis://127.0.0.1:1/0", **values)
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_pool_that_cannot_stop_a_run_is_refused_with_the_reason(pool):  # B35
    done = start_worker("-P", pool)
    assert done.returncode == 1
    assert "cannot be interrupted" in done.stderr and "-P gevent" in done.stderr


def test_a_worker_does_not_start_with_settings_that_fail_the_checks():
    done = start_worker("-P", "gevent", LEASE_SECONDS="1", LEASE_RENEW_SECONDS="1")
    assert done.returncode == 1
    assert "chatapp.E004" in done.stderr and "Make the lease longer" in done.stderr


def test_prefork_works_with_a_pool_of_connections_in_the_settings(make_stack):  # B36
    stack = make_stack(pool="prefork", start=("valkey", "web"), DATABASE_POOL="4")
    worker = parts.make_worker("prefork", stack.directory, stack.env, "-c", "2", name="pooled")
    assert worker.env["DATABASE_POOL"] == "4"
    stack.start_part(worker)
    alice = stack.person("alice")
    for _ in range(3):
        stalled = [alice.send(prompt(tokens=9, stall_after=3)) for _ in range(2)]
        for run in stalled:
            alice.follow(run).wait_for_text(spoken(3))
            alice.stop(run)
        for run in stalled:
            run = check(run)
            assert (run.status, run.message.content) == (Status.STOPPED, spoken(3))
