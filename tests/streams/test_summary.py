"""The stream of a user's sessions: not kept, live from the moment it says so, for that user alone."""

import pytest

from runs.session_feed import stream_of
from runs.states import Status
from tests.harness.check import check
from tests.harness.upstream import prompt


@pytest.fixture
def alice(stack):
    return stack.person("alice")


def received(follower, kind: str, **data) -> list[dict]:
    """The data of the events of `kind` that the follower received, where it includes this data."""
    all_data = [envelope.data for envelope in list(follower.envelopes) if envelope.kind == kind]
    return [data_of_event for data_of_event in all_data if data.items() <= data_of_event.items()]


def test_the_session_feed_announces_start_and_end_of_an_answer(stack, alice):  # B32
    follower = alice.follow_ws(str(stream_of(alice.user.pk)))
    follower.wait(lambda self: received(self, "live"), "it is live")
    text = prompt(tokens=4, hold=[2])
    run = alice.send(text)
    session = str(run.session_id)
    follower.wait(lambda self: received(self, "sessions.changed"), "the list has changed")
    follower.wait(lambda self: received(self, "session.changed", activity="answering"), "it is being written")
    begun = received(follower, "session.changed", activity="answering")
    queue = {"queued": 0, "held": False}
    assert begun == [{"session": session, "title": "", "activity": "answering", "news": "", "ended": None, **queue}]
    stack.upstream.release(text.tag)
    follower.wait(lambda self: received(self, "session.changed", news="unread"), "it is ready")
    [end] = received(follower, "session.changed", news="unread")
    assert end == {"session": session, "title": "", "activity": "", "news": "unread", "ended": str(run.pk), **queue}
    assert check(run).status == Status.COMPLETED
    assert follower.last_seq == 0


def test_more_changes_than_the_window_all_arrive(stack, alice):
    follower = alice.follow_ws(str(stream_of(alice.user.pk)))
    follower.wait(lambda self: received(self, "live"), "it is live")
    session = alice.new_session()
    for number in range(300):  # the window holds 256
        alice.page("POST", f"/chats/{session}/title", {"title": str(number)})
    follower.wait(lambda self: len(received(self, "sessions.changed")) >= 300, "all were received")


def test_the_session_feed_is_only_for_its_user(stack, alice):  # B55
    bob, charlie = stack.person("bob"), stack.person("charlie")
    for person in (bob, charlie):
        follower = person.follow_ws(str(stream_of(alice.user.pk)))
        follower.wait(lambda self: received(self, "refused"), "it is refused")
        [refusal] = received(follower, "refused")
        assert refusal["code"] == "not_found"
