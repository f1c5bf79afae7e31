"""The API on a running stack: send, follow, stop, look."""

import pytest

from tests.harness.check import check
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.one_database


def test_an_answer_is_sent_for_followed_to_its_end_and_read(stack):
    alice = stack.person("alice")
    run = alice.send(prompt(tokens=5))
    follower = alice.follow(run)
    check(run, follower)
    assert follower.text == spoken(5)
    body = alice.api("GET", f"/runs/{run.pk}").json()
    assert (body["status"], body["text"], body["last_seq"]) == ("completed", spoken(5), follower.last_seq)
    assert (body["finish_reason"], body["reason"], body["code"]) == ("stop", "", "")
    assert body["queued_at"] <= body["started_at"] <= body["first_token_at"] <= body["finished_at"]
    assert body["usage"]["completion_tokens"] == 5


def test_a_client_that_knows_the_end_is_told_not_to_come_back(stack):  # B27
    alice = stack.person("alice")
    run = check(alice.send(prompt(tokens=3)))
    known = f"/runs/{run.pk}/events?after={run.last_seq}"
    assert alice.api("GET", known).status == 204
    assert alice.api("GET", f"/runs/{run.pk}/events", **{"Last-Event-ID": str(run.last_seq)}).status == 204


def test_the_larger_of_after_and_last_event_id_counts(stack):  # B25
    alice = stack.person("alice")
    run = check(alice.send(prompt(tokens=5, reasoning=5, rate=100)))
    for after, known in ((1, "4"), (4, "1"), (4, "garbage"), (4, "-9")):
        follower = alice.follow(run, after, **{"Last-Event-ID": known}).wait_for_end()
        assert follower.events[0].seq == 5
        assert follower.last_seq == run.last_seq


def test_nobody_elses_events_are_served(stack):  # B55
    alice = stack.person("alice")
    run = alice.send(prompt(tokens=1))
    for other in (stack.person("bob"), stack.person("charlie")):
        reply = other.api("GET", f"/runs/{run.pk}/events")
        assert (reply.status, reply.json()["code"]) == (404, "not_found")
    stranger = alice.request("GET", f"/api/v1/runs/{run.pk}/events")
    assert (stranger.status, stranger.headers["www-authenticate"]) == (401, "Bearer")
    check(run)


def test_a_token_that_is_revoked_closes_the_streams_it_opened(make_stack):  # B55
    stack = make_stack(STREAMS_HEARTBEAT_SECONDS="0.2")
    alice = stack.person("alice")
    run = alice.send(prompt(tokens=9, stall_after=2))
    follower = alice.follow(run).wait_for_text(spoken(2))
    alice.user.auth_token_set.all().delete()
    follower.wait_for_end()
    assert follower.final is None
    assert alice.api("GET", f"/runs/{run.pk}").status == 401
    # It should leave the run alone.
    run.refresh_from_db()
    assert run.status == "running"


def test_a_body_sent_in_chunks_is_read_and_its_size_is_checked(stack):
    alice = stack.person("alice")
    headers = alice.bearer | {"Content-Type": "application/json"}
    sent = alice.request("POST", "/api/v1/sessions", iter([b'{"title": ', b'"Birds"}']), headers)
    assert (sent.status, sent.json()["title"]) == (201, "Birds")
    too_large = alice.request("POST", "/api/v1/sessions", iter([b" " * 100_000] * 30), headers)
    assert (too_large.status, too_large.json()["code"]) == (413, "body_too_large")


def test_stop_keeps_the_text_written_so_far(stack):  # B36, B38
    alice = stack.person("alice")
    run = alice.send(prompt(tokens=50, stall_after=4))
    follower = alice.follow(run).wait_for_text(spoken(4))
    assert alice.stop(run).json() == {"state": "stopping"}
    run = check(run, follower)
    assert (run.status, run.reason, run.message.content) == ("stopped", "user", spoken(4))
    body = alice.api("GET", f"/runs/{run.pk}").json()
    assert (body["text"], body["stop_requested_by"]) == (spoken(4), str(alice))
    late = alice.stop(run)
    assert (late.status, late.json()) == (200, {"state": "already_final", "status": "stopped"})


def test_a_provider_without_its_key_fails_the_run_and_says_so(stack):  # B47
    stack.manage(
        "add_provider", "keyless", "--base-url", "http://127.0.0.1:9/v1", "--key-env", "PROVIDER_KEY_NO", "--model", "k"
    )
    alice = stack.person("alice")
    run = alice.send("hello", model="k")
    follower = alice.follow(run)
    run = check(run, follower)
    assert (run.status, run.code) == ("failed", "provider_key_missing")
    assert follower.final.data["code"] == "provider_key_missing"
