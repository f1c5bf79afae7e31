"""An attached run ends at once when its viewer leaves; other runs continue."""

import pytest

from runs.lifecycle import attached
from runs.models import Run
from runs.states import Status, StopReason
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken


def _attached(person, say):
    run = person.send(say)
    attached.attach(run)
    return run


@pytest.mark.parametrize("over", ["follow", "follow_ws"])
def test_closing_the_stream_stops_an_attached_run_in_the_middle_of_its_wait(each_stack, over):  # B42
    alice = each_stack.person("alice")
    say = prompt(tokens=9, stall_after=4)
    run = _attached(alice, say)
    follower = getattr(alice, over)(run).wait_for_text(spoken(4))
    follower.close()
    assert each_stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    run = check(run)
    assert (run.status, run.reason, run.stop_requested_by) == (Status.STOPPED, StopReason.VIEWER_LEFT, None)
    assert run.message.content == spoken(4)


def test_a_viewer_who_is_not_alone_may_leave(stack):  # B42
    alice = stack.person("alice")
    say = prompt(tokens=9, hold=[4])
    run = _attached(alice, say)
    one, other = alice.follow(run).wait_for_text(spoken(4)), alice.follow_ws(run).wait_for_text(spoken(4))
    one.close()
    stack.upstream.release(say.tag)
    assert check(run, other).status == Status.COMPLETED


@pytest.mark.one_database
def test_a_web_server_that_dies_leaves_no_attached_run_behind(make_stack):  # B42
    stack = make_stack(VIEWER_SECONDS="2", STREAMS_SWEEP_SECONDS="0.5")
    alice = stack.person("alice")
    attached, detached = prompt(tokens=9, stall_after=4), prompt(tokens=9, hold=[4])
    run, other = _attached(alice, attached), alice.send(detached)
    follower = alice.follow(run).wait_for_text(spoken(4))
    follower.wait(lambda f: Run.objects.get(pk=run.pk).viewer_until > run.queued_at, "the lease is renewed")
    stack.web.kill()
    assert stack.upstream.wait(attached.tag, "closed")["ended"] == "closed by client"
    assert check(run).reason == StopReason.VIEWER_LEFT
    stack.upstream.release(detached.tag)
    assert check(other).status == Status.COMPLETED
