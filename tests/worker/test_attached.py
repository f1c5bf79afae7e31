"""An attached run ends with its viewer: a program leaves at once, a page when it is not back in time."""

import pytest

from runs.lifecycle import attached
from runs.models import Run
from runs.states import Status, StopReason
from tests.browser.web_server import WebServer
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.people import Person
from tests.harness.upstream import prompt, spoken


def _attached(person, say):
    run = person.send(say)
    attached.attach(run)
    return run


def lease_of(run):
    return Run.objects.get(pk=run.pk).viewer_until


def wait_for_renewals(run, seconds: float) -> None:
    """Wait until the lease has been renewed for so long: it is followed."""
    first = lease_of(run)
    wait_until(lambda: (lease_of(run) - first).total_seconds() > seconds, "the lease is renewed")


class Traveller(Person):
    """A user who follows through one web server or another: `alice.at(web)`."""

    def at(self, web: WebServer) -> "Traveller":
        self.url = web.url
        return self


@pytest.fixture
def webs(stack, request):
    """Two web servers that wait 1 s for a page to return."""
    env = {"STREAMS_RETURN_SECONDS": "1", "STREAMS_SWEEP_SECONDS": "0.3"}
    webs = [WebServer(stack, **env) for _ in range(2)]
    for web in webs:
        request.addfinalizer(web.kill)
    return webs


@pytest.fixture
def alice(stack, webs):
    alice = Traveller(webs[0].url, "alice")
    stack.people.append(alice)
    return alice


def test_a_program_that_disconnects_stops_an_attached_run_in_the_middle_of_its_wait(each_stack):  # B42
    alice = each_stack.person("alice")
    say = prompt(tokens=9, stall_after=4)
    run = _attached(alice, say)
    alice.follow(run).wait_for_text(spoken(4)).close()
    assert each_stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    run = check(run)
    assert (run.status, run.reason, run.stop_requested_by) == (Status.STOPPED, StopReason.VIEWER_LEFT, None)
    assert run.stop_requested_at < run.viewer_until  # by the end of the connection, not of the lease
    assert run.message.content == spoken(4)


def test_a_page_that_does_not_come_back_stops_its_answer_and_the_text_stays(stack, webs, alice):  # B42
    say = prompt(tokens=9, stall_after=4)
    run = _attached(alice, say)
    alice.follow_ws(run).wait_for_text(spoken(4)).drop()
    assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    run = check(run)
    assert (run.status, run.reason, run.stop_requested_by) == (Status.STOPPED, StopReason.VIEWER_LEFT, None)
    assert run.stop_requested_at < run.viewer_until
    assert run.message.content == spoken(4)


@pytest.mark.parametrize(
    ("over", "other"),
    [("follow_ws", 0), ("follow_sse", 1)],
    ids=["a WebSocket, the same web server", "server-sent events, another web server"],
)
def test_a_page_that_is_back_in_time_misses_nothing_and_gets_nothing_twice(stack, webs, alice, over, other):  # B23 B42
    say = prompt(tokens=9, hold=[4])
    run = _attached(alice, say)
    away = getattr(alice, over)(run).wait_for_text(spoken(4))
    away.drop()
    back = getattr(alice.at(webs[other]), over)(run, away.last_seq)
    wait_for_renewals(run, 3)  # three times as long as the first web server waits
    stack.upstream.release(say.tag)
    assert check(run, back).status == Status.COMPLETED
    assert away.text + back.text == spoken(9)
    assert len(stack.upstream.connections(say.tag)) == 1


def test_a_tab_that_is_closed_takes_nothing_from_one_at_another_web_server(stack, webs, alice):  # B42
    say = prompt(tokens=9, hold=[4])
    run = _attached(alice, say)
    one = alice.follow_ws(run).wait_for_text(spoken(4))
    other = alice.at(webs[1]).follow_ws(run).wait_for_text(spoken(4))
    one.close()
    wait_for_renewals(run, 3)
    stack.upstream.release(say.tag)
    assert check(run, other).status == Status.COMPLETED


def test_stop_ends_an_answer_at_once_whose_page_is_away(each_stack):  # B42
    alice = each_stack.person("alice")
    say = prompt(tokens=9, stall_after=4)
    run = _attached(alice, say)
    alice.follow_ws(run).wait_for_text(spoken(4)).drop()
    alice.stop(run)
    assert each_stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    run = check(run)
    assert (run.reason, run.message.content) == (StopReason.USER, spoken(4))


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
    says, detached = [prompt(tokens=9, stall_after=4) for _ in range(3)], prompt(tokens=9, hold=[4])
    runs, other = [_attached(alice, say) for say in says], alice.send(detached)
    follow = (alice.follow, alice.follow_ws, alice.follow_ws)  # a program, a page, and one that is away
    followers = [method(run).wait_for_text(spoken(4)) for method, run in zip(follow, runs, strict=True)]
    for follower, run in zip(followers, runs, strict=True):
        follower.wait(lambda f, run=run: lease_of(run) > run.queued_at, "the lease is renewed")
    followers[2].drop()
    stack.web.kill()
    for say, run in zip(says, runs, strict=True):
        assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
        assert check(run).reason == StopReason.VIEWER_LEFT
    stack.upstream.release(detached.tag)
    assert check(other).status == Status.COMPLETED
