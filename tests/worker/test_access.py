"""Other users' runs look as if they did not exist; a follower who loses access receives nothing more."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session as CookieSession

from chatapp.accounts.models import Token
from runs.models import Run
from runs.states import Status
from tests.harness.check import check, wait_for_end
from tests.harness.followers import SocketFollower, SseFollower
from tests.harness.stack import WITHOUT_BEAT
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.one_database


def test_another_users_stream_does_not_exist(stack):  # B55
    alice, bob, charlie = (stack.person(name) for name in ("alice", "bob", "charlie"))
    run = check(alice.send(prompt(tokens=3)))
    for stranger in (bob, charlie):
        assert stranger.follow(run).wait_for_end().status == 404
        for page in (stranger.follow_ws(run), stranger.follow_sse(run)):
            page.wait(lambda s: any(e.kind == "refused" for e in s.envelopes), "a refusal")
            assert page.events == []


def test_nobody_follows_without_being_logged_in(stack):  # B55
    alice = stack.person("alice")
    run = check(alice.send(prompt(tokens=3)))
    assert alice.request("GET", f"/api/v1/runs/{run.pk}/events").status == 401
    alice.cookies.clear()
    assert alice.follow_ws(run).wait_for_end().close_code == 4401
    assert alice.follow_sse(run).wait_for_end().close_code == 4401


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1", "https://127.0.0.1:{port}", None])
def test_a_page_of_another_site_gets_no_socket(stack, origin):  # B55
    alice = stack.person("alice")
    run = check(alice.send(prompt(tokens=3)))
    port = alice.url.rpartition(":")[2]
    socket = SocketFollower(alice.url, str(run.pk), 0, alice.cookie_header, origin=origin and origin.format(port=port))
    assert socket.start().wait_for_end().status == 403


def test_who_logs_out_is_disabled_or_has_another_password_hears_no_more(make_stack):  # B55
    stack = make_stack(WITHOUT_BEAT, STREAMS_HEARTBEAT_SECONDS="0.3")
    alice, bob, dora, charlie = (stack.person(name) for name in ("alice", "bob", "dora", "charlie"))
    say = {person: prompt(tokens=10, hold=[3]) for person in (alice, bob, dora)}
    followers = {}
    for person in (alice, bob, dora):
        run = person.send(say[person])
        open_stream = person.follow if person is not dora else person.follow_page  # her tokens stay as they are
        followers[person] = [open_stream(run), person.follow_ws(run), person.follow_sse(run)]
        for follower in followers[person]:
            follower.wait_for_text(spoken(3))

    tail = SseFollower(charlie.url, f"/admin/runs/run/{run.pk}/events", run.pk, 0, charlie.cookie_header)
    followers[charlie] = [tail.start().wait_for_text(spoken(3))]
    for person in (dora, charlie):  # the two whose sessions are not touched: another password ends them
        person.user.set_unusable_password()
        get_user_model().objects.filter(pk=person.user.pk).update(password=person.user.password)

    waiting = prompt(tokens=10, hold=[3])  # a program that waits for the whole answer
    body = {"model": "scripted", "messages": [{"role": "user", "content": waiting}]}
    headers = {**alice.bearer, "Content-Type": "application/json"}
    hand = ThreadPoolExecutor(1)
    whole = hand.submit(alice.request, "POST", "/v1/chat/completions", json.dumps(body).encode(), headers)
    stack.upstream.wait(waiting.tag, "tokens:3")

    Token.objects.filter(user=alice.user).delete()
    CookieSession.objects.filter(session_key__in=alice.cookies.values()).delete()  # she logs out
    bob.user.is_active = False
    bob.user.save(update_fields=["is_active"])

    for person in (alice, bob, dora, charlie):
        for follower in followers[person]:
            follower.wait_for_end()
            assert follower.final is None
    closed = [follower.close_code for person in (alice, bob, dora) for follower in followers[person][1:]]
    assert closed == [4401] * 6
    assert whole.result().status == 401
    hand.shutdown()
    assert wait_for_end(Run.objects.latest("queued_at")).status == Status.STOPPED
