"""Flower next to the site: a task terminated there ends its run correctly."""

import sys
import urllib.request

import pytest

from runs.states import LostReason, Status
from tests.harness.check import check, logged
from tests.harness.parts import LOOPBACK, free_port, wait_for_web
from tests.harness.processes import Part
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.one_database


@pytest.fixture
def flower(stack):
    """Its address."""
    port = str(free_port())
    argv = [sys.executable, "-m", "celery", "-A", "chatapp", "flower", f"--address={LOOPBACK}", f"--port={port}"]
    part = Part("flower", argv, stack.directory, stack.env | {"FLOWER_UNAUTHENTICATED_API": "true"})
    part.start()
    wait_for_web(part, f"http://{LOOPBACK}:{port}")
    yield f"http://{LOOPBACK}:{port}"
    part.kill()


def test_a_task_terminated_in_flower_ends_its_run_as_interrupted_and_not_as_stopped(stack, flower):  # B41
    alice = stack.person("alice")
    say = prompt(tokens=10, stall_after=4)
    run = alice.send(say)
    follower = alice.follow(run).wait_for_text(spoken(4))
    run.refresh_from_db()
    path = f"{flower}/api/task/revoke/{run.task_id}?terminate=true"
    with urllib.request.urlopen(urllib.request.Request(path, method="POST"), timeout=20) as reply:
        assert reply.status == 200
    assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    run = check(run, follower)
    assert (run.status, run.reason, run.stop_requested_at) == (Status.LOST, LostReason.INTERRUPTED, None)
    assert run.message.content == spoken(4)
    assert logged(run)[-1].kind == "run.lost"
