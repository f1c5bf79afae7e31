"""History, then live events: no gap and no duplicate, wherever a reader starts and however slowly it reads."""

import random
import re

import pytest

from runs.states import Status
from streams.transports.page_connection import MAX_STREAMS
from tests.browser.scenes import speaking
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken

TOKENS = 300


def test_every_reader_hears_the_log_wherever_and_whenever_he_begins(each_stack):  # B23 B24 B28 B30
    alice = each_stack.person("alice")
    run = alice.send(prompt(tokens=TOKENS, rate=300))
    first = alice.follow(run)
    followers = [first]
    for _ in range(12):
        place = random.randint(0, first.last_seq)
        followers.append(random.choice([alice.follow, alice.follow_ws, alice.follow_sse])(run, after=place))
        wanted = first.last_seq + random.randint(1, 15)
        first.wait(lambda f, seq=wanted: f.last_seq >= seq or f.final, "some more events")
    run = check(run, *followers)
    assert run.message.content == spoken(TOKENS)


def test_a_reader_who_is_cut_off_again_and_again_misses_nothing(each_stack):  # B23 B27 B34
    alice = each_stack.person("alice")
    run = alice.send(prompt(tokens=TOKENS, rate=200))
    text, place, final = "", 0, None
    while not final:
        follower = random.choice([alice.follow, alice.follow_ws, alice.follow_sse])(run, after=place)
        wanted = place + random.randint(1, 40)
        follower.wait(lambda f, seq=wanted: f.last_seq >= seq or f.final, "some more events")
        follower.close()
        text, place, final = text + follower.text, follower.last_seq, follower.final
    run = check(run)
    assert text == run.message.content == spoken(TOKENS)


def test_a_reader_who_comes_after_the_end_gets_everything(stack):  # B27 B29
    alice = stack.person("alice")
    run = check(alice.send(prompt(tokens=2500, per_write=1, rate=5000)))
    sse, socket = alice.follow(run), alice.follow_ws(run)
    check(run, sse, socket)
    sse.wait_for_end()  # the response ends after the final event; the socket stays open

    # He should be told not to come back
    again = alice.follow(run, after=run.last_seq).wait_for_end()
    assert (again.status, again.envelopes) == (204, [])


@pytest.mark.parametrize("pieces", [["☃" * 1_100_000, "the end"], ["x" * 100_000] * 40], ids=["one", "many"])
def test_enormous_pieces_reach_every_reader_in_pieces_that_every_server_sends(stack, pieces):  # B23 B28
    alice = stack.person("alice")
    with speaking(stack, alice.user.username, text=pieces, hold=[0]) as model:
        run = alice.send("Speak", model=model)
        followers = [alice.follow(run), alice.follow_ws(run), alice.follow_sse(run)]
        for follower in followers:
            follower.wait_for_seq(2)
        stack.upstream.release(alice.user.username)
        run = check(run, *followers)
    check(run, alice.follow(run), alice.follow_ws(run), alice.follow_sse(run))
    assert run.message.content == "".join(pieces)


@pytest.mark.parametrize("place", ["-5", "x", "", "1e3"])
def test_a_place_that_is_no_number_is_the_beginning(stack, place):  # B25
    alice = stack.person("alice")
    run = check(alice.send(prompt(tokens=3)))
    reply = alice.api("GET", f"/runs/{run.pk}/events?after={place}")
    assert re.match(rb"retry: \d+\nid: 1\n", reply.body)


def test_the_larger_of_after_and_last_event_id_counts(stack):  # B25
    alice = stack.person("alice")
    run = check(alice.send(prompt(tokens=3)))
    reply = alice.api("GET", f"/runs/{run.pk}/events?after=1", **{"Last-Event-ID": "2"})
    assert re.match(rb": heartbeat\nretry: \d+\nid: 3\n", reply.body)
    assert reply.headers["cache-control"] == "no-cache" and reply.headers["x-accel-buffering"] == "no"  # B31


def test_who_comes_back_to_a_silent_stream_is_told_at_once_that_he_is_there(stack):
    alice = stack.person("alice")
    run = alice.send(prompt(tokens=9, stall_after=2))
    known = alice.follow(run).wait_for_text(spoken(2)).last_seq
    again = alice.follow(run, after=known)
    assert again.wait(lambda self: self.comments, "the head of the response").status == 200
    alice.stop(run)
    check(run, again)


def test_a_place_in_the_future_is_answered_with_resync_and_everything(stack):  # B25
    alice = stack.person("alice")
    run = check(alice.send(prompt(tokens=3)))
    for follower in (alice.follow(run, after=999), alice.follow_ws(run, after=999)):
        follower.wait_for_final()
        assert (follower.envelopes[0].kind, follower.envelopes[0].data) == ("resync", {"last_seq": run.last_seq})
        assert [event.seq for event in follower.events] == list(range(1, run.last_seq + 1))


def test_a_reader_who_never_acknowledges_slows_nobody(stack):  # B28
    alice = stack.person("alice")
    run = alice.send(prompt(tokens=1000, rate=2000, per_write=1))
    dead, quick = alice.follow_ws(run, acks=False), alice.follow_ws(run)
    assert check(run, quick).status == Status.COMPLETED
    dead.wait_for_seq(256)

    # It should hold his place: once he acknowledges, the rest comes
    assert dead.last_seq == 256
    dead.acks = True
    dead.say(ack={dead.stream: 256})
    check(run, dead)


def test_one_socket_follows_many_streams(stack):  # B28 B32
    alice = stack.person("alice")
    runs = [alice.send(prompt(tokens=20, rate=100)) for _ in range(5)]
    socket = alice.follow_ws(runs[0])
    for run in runs[1:]:
        socket.say(follow=str(run.pk))
    for run in runs:
        run = check(run)
        wanted = list(range(1, run.last_seq + 1))
        socket.wait(
            lambda s, run=run, wanted=wanted: [e.seq for e in s.events if e.stream == str(run.pk)] == wanted,
            "each stream, whole and in order",
        )


def test_a_socket_follows_a_limited_number_of_streams(stack):  # B28
    alice = stack.person("alice")
    session = alice.new_session()
    say = prompt(tokens=2, hold=[1])
    runs = [alice.send(text, session) for text in (say, *["wait"] * MAX_STREAMS)]
    socket = alice.follow_ws(runs[0])
    for run in runs[1:]:
        socket.say(follow=str(run.pk))
    socket.wait(lambda s: any(e.kind == "refused" for e in s.envelopes), "a refusal")
    (refusal,) = (envelope for envelope in socket.envelopes if envelope.kind == "refused")
    assert (refusal.stream, refusal.data["code"]) == (str(runs[-1].pk), "too_many")
    alice.api("DELETE", f"/sessions/{session}")
    stack.upstream.wait(say.tag, "closed")


def test_a_stream_that_nobody_has_is_refused_and_garbage_ends_the_socket(stack):  # B55
    alice = stack.person("alice")
    socket = alice.follow_ws("00000000-0000-0000-0000-000000000000")
    socket.wait(lambda s: any(e.kind == "refused" for e in s.envelopes), "a refusal")
    assert [e.data["code"] for e in socket.envelopes if e.kind == "refused"] == ["not_found"]
    socket.socket.send("no JSON")
    socket.wait_for_end()
    assert socket.close_code == 4400


def test_one_response_follows_many_streams_and_begins_where_the_page_says(stack):  # B23 B32 B55
    alice, bob = stack.person("alice"), stack.person("bob")
    runs = [alice.send(prompt(tokens=20, rate=100)) for _ in range(3)]
    foreign = check(bob.send(prompt(tokens=2)))
    page = alice.follow_sse(runs[0], 2, *(str(run.pk) for run in runs[1:]), str(foreign.pk), "no stream")
    for run, after in zip(runs, (2, 0, 0), strict=True):
        wanted = list(range(after + 1, check(run).last_seq + 1))
        page.wait(
            lambda s, run=run, wanted=wanted: [e.seq for e in s.events if e.stream == str(run.pk)] == wanted,
            "each stream, whole and in order",
        )
    assert [(e.stream, e.data["code"]) for e in page.envelopes if e.kind == "refused"] == [
        (str(foreign.pk), "not_found")
    ]
    assert not page.ended  # for what the page follows next, it asks for another response

    # An EventSource that reconnects by itself repeats the request, with the id of the last message
    again = alice.follow_sse(runs[0], 2, str(runs[1].pk), **{"Last-Event-ID": f"{runs[0].pk}:10"})
    wanted = list(range(11, check(runs[0]).last_seq + 1))
    again.wait(lambda s: [e.seq for e in s.events if e.stream == str(runs[0].pk)] == wanted, "the rest of this one")
    again.wait(
        lambda s: sum(e.stream == str(runs[1].pk) for e in s.events) == check(runs[1]).last_seq, "all of the other"
    )
