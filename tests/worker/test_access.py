"""What is another user's does not exist; and who is thrown out while he watches sees no more of it."""

import pytest
from django.contrib.sessions.models import Session as CookieSession

from chatapp.accounts.models import Token
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.one_database


def test_another_users_stream_does_not_exist(stack):  # B55
    alice, bob, charlie = (stack.person(name) for name in ("alice", "bob", "charlie"))
    run = check(alice.send(prompt(tokens=3)))
    for stranger in (bob, charlie):
        assert stranger.follow(run).wait_for_end().status == 404
        socket = stranger.follow_ws(run).wait(lambda s: s.envelopes, "a refusal")
        assert [envelope.kind for envelope in socket.envelopes] == ["refused"]


def test_nobody_follows_without_being_logged_in(stack):  # B55
    alice = stack.person("alice")
    run = check(alice.send(prompt(tokens=3)))
    assert alice.request("GET", f"/api/v1/runs/{run.pk}/events").status == 401
    alice.cookies.clear()
    assert alice.follow_ws(run).wait_for_end().close_code == 4401


def test_a_page_of_another_site_gets_no_socket(stack):  # B55
    alice = stack.person("alice")
    run = check(alice.send(prompt(tokens=3)))
    alice.url, good = "http://evil.example", alice.url
    socket = alice.follow_ws(run)
    alice.url = good
    assert socket.wait_for_end().socket is None


def test_who_logs_out_or_is_disabled_hears_no_more(make_stack):  # B55
    stack = make_stack(STREAMS_HEARTBEAT_SECONDS="0.3")
    alice, bob = stack.person("alice"), stack.person("bob")
    say = {person: prompt(tokens=10, hold=[3]) for person in (alice, bob)}
    followers = {}
    for person in (alice, bob):
        run = person.send(say[person])
        followers[person] = [person.follow(run), person.follow_ws(run)]
        for follower in followers[person]:
            follower.wait_for_text(spoken(3))

    Token.objects.filter(user=alice.user).delete()
    CookieSession.objects.all().delete()  # everybody logs out
    bob.user.is_active = False
    bob.user.save(update_fields=["is_active"])

    for person in (alice, bob):
        for follower in followers[person]:
            follower.wait_for_end()
            assert follower.final is None
        assert followers[person][1].close_code == 4401
