"""The harness itself: parts come up, the answer arrives, and everybody is told the same."""

import pytest

from runs.states import Status
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken


def test_an_answer_travels_from_the_upstream_to_every_follower(each_stack):  # B1 B23 B24 B27
    alice = each_stack.person("alice")
    run = alice.send(prompt(tokens=30, rate=100))
    sse, socket = alice.follow(run), alice.follow_ws(run)
    run = check(run, sse, socket)
    assert run.status == Status.COMPLETED
    assert run.message.content == spoken(30)


def test_stop_closes_the_upstream_and_keeps_the_text_so_far(each_stack):  # B35 B36
    alice = each_stack.person("alice")
    say = prompt(tokens=10, stall_after=4)
    run = alice.send(say)
    sse = alice.follow(run).wait_for_text(spoken(4))
    assert alice.stop(run).status == 202
    assert each_stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    run = check(run, sse)
    assert (run.status, run.message.content) == (Status.STOPPED, spoken(4))


def test_a_hold_lets_a_test_look_before_the_answer_goes_on(stack):
    alice = stack.person("alice")
    say = prompt(tokens=6, hold=[3])
    run = alice.send(say)
    stack.upstream.wait(say.tag, "stalled")
    sse = alice.follow(run).wait_for_text(spoken(3))
    stack.upstream.release(say.tag)
    assert check(run, sse).message.content == spoken(6)


def test_more_readers_can_follow_than_a_process_has_database_connections(stack):
    """Each reader's request once kept a pooled connection for as long as it lasted; the eleventh waited for ever."""
    alice = stack.person("alice")
    say = prompt(tokens=3, hold=[1])
    run = alice.send(say)
    readers = [reader for _ in range(15) for reader in (alice.follow(run), alice.follow_page(run))]
    for reader in readers:
        reader.wait_for_text(spoken(1))
    stack.upstream.release(say.tag)
    check(run, *readers)


@pytest.mark.one_database
@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_private_stack_survives_what_is_done_to_its_parts(make_stack, server):
    stack = make_stack(server=server, LEASE_SECONDS="1.5", LEASE_RENEW_SECONDS="0.5")
    alice = stack.person("alice")
    run = alice.send(prompt(tokens=10, stall_after=4))
    follower = alice.follow(run).wait_for_text(spoken(4))
    stack.web.kill()
    follower.wait_for_end()
    stack.worker.kill()
    stack.start_part(stack.web)
    again = alice.follow(run, after=follower.last_seq)
    stack.start_part(stack.worker)
    assert check(run, again).status == Status.LOST
    assert check(alice.send("Hello")).status == Status.COMPLETED
