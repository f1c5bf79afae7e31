"""An attempt and what becomes of it: taken, tried again, given up. Real sockets, and receivers that misbehave."""

import json

import pytest
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from chatapp.webhooks import deliveries, sender
from chatapp.webhooks.actions import renew_secret, send_again, switch_off
from chatapp.webhooks.models import Delivery, DisabledReason, State
from runs import clock
from tests.harness.facts import wait_until


@pytest.fixture
def delivery(endpoint, ended):
    """`delivery("/path")`: one that is due at that path."""

    def delivery_(path: str) -> Delivery:
        mine = endpoint(path)
        deliveries.create_on_end(ended().pk)
        return mine.deliveries.get()

    return delivery_


def attempt(delivery: Delivery) -> Delivery:
    claimed = sender.claim(delivery.endpoint_id)
    assert claimed == delivery
    sender.attempt(claimed)
    delivery.refresh_from_db()
    delivery.endpoint.refresh_from_db()
    return delivery


def test_what_is_sent_is_signed_as_standard_webhooks_has_it(delivery, receiver):
    mine = attempt(delivery("/ok?a=b"))
    assert (mine.state, mine.attempts, mine.response_status) == (State.DELIVERED, 1, 204)
    [got] = receiver.wait_for(1)
    assert (got.path, got.headers["webhook-id"]) == ("/ok?a=b", mine.message_id)
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert got.headers["content-type"] == "application/json"
    assert Webhook(mine.endpoint.secret).verify(got.body, got.headers) == json.loads(mine.payload)
    with pytest.raises(WebhookVerificationError):
        Webhook(mine.endpoint.secret).verify(got.body.replace(b"stopped", b"failed"), got.headers)
    # With another secret it is signed by that one
    old, new = mine.endpoint.secret, renew_secret(mine.endpoint)
    assert send_again(mine)
    attempt(mine)
    again = receiver.wait_for(2)[1]
    assert (again.headers["webhook-id"], again.body) == (mine.message_id, got.body)
    Webhook(new).verify(again.body, again.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(again.body, again.headers)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/broken", 500, "responded with 500"),
        ("/busy", 503, "responded with 503"),
        ("/moved", 302, "responded with 302"),
        ("/garbage", None, "No response: BadStatusLine"),
        ("/silent", None, "No response: RemoteDisconnected"),
        ("/drip", None, "No response within 0.3 s"),
        ("/drip-head", None, "No response within 0.3 s"),
        ("/stall", None, "No response within 0.3 s"),
    ],
)
def test_what_is_not_taken_is_tried_again_later(path, status, said, delivery, receiver, settings):
    settings.WEBHOOK_SECONDS = 0.3
    mine, before = delivery(path), timezone.now()
    attempt(mine)
    assert (mine.state, mine.attempts, mine.response_status) == (State.PENDING, 1, status)
    assert said in mine.error
    pause = (mine.next_attempt_at - before).total_seconds()
    assert pause >= (77 if path == "/busy" else 4)  # what the receiver asked for, or five seconds and a jitter
    assert sender.claim(mine.endpoint_id) is None
    assert [got.path for got in receiver.received] == [path]  # no redirect is followed


def test_of_an_answer_without_an_end_a_little_is_read(delivery):
    mine = attempt(delivery("/endless"))
    assert (mine.state, mine.response_text) == (State.DELIVERED, "x" * 1000)


def test_an_answer_is_kept_even_where_it_is_not_text(delivery):
    assert attempt(delivery("/said")).response_text == "th\N{REPLACEMENT CHARACTER}nk"


def test_a_receiver_that_is_not_there_is_tried_again(delivery, private_networks):
    mine = delivery("/ok")
    type(mine.endpoint).objects.update(url="http://127.0.0.1:1/")
    mine = attempt(Delivery.objects.get())
    assert (mine.state, mine.error[:35]) == (State.PENDING, "No response: ConnectionRefusedError")


def test_pauses_grow_with_a_jitter_and_have_a_bound():
    for attempts, seconds in [(1, 5), (2, 30), (3, 180), (6, 38_880), (7, 43_200), (20, 43_200)]:
        pauses = {sender.pause_after(attempts) for _ in range(50)}
        assert len(pauses) > 1
        assert seconds * 0.8 <= min(pauses) <= max(pauses) <= seconds * 1.2
    assert sender.pause_after(1, "600") == 600
    assert sender.pause_after(1, "999999999") == 43_200
    assert sender.pause_after(1, "Wed, 21 Oct 2015 07:28:00 GMT") <= 6


def test_after_the_last_attempt_it_is_given_up_and_a_row_of_those_switches_the_endpoint_off(
    delivery, ended, due, settings
):
    settings.WEBHOOK_ATTEMPTS = settings.WEBHOOK_MAX_FAILURES = 2
    mine = delivery("/broken")
    assert attempt(mine).state == State.PENDING
    due()
    assert attempt(mine).state == State.GIVEN_UP
    assert (mine.endpoint.failures, mine.endpoint.is_enabled) == (1, True)
    deliveries.create_on_end(ended().pk)
    other = Delivery.objects.exclude(pk=mine.pk).get()
    attempt(other), due(), attempt(other)
    assert (other.endpoint.failures, other.endpoint.is_enabled) == (2, False)
    assert other.endpoint.disabled_why == DisabledReason.FAILURES
    assert deliveries.create_on_end(ended().pk) is None
    assert Delivery.objects.count() == 2


def test_one_that_arrives_ends_the_row_of_failures(delivery):
    mine = delivery("/ok")
    type(mine.endpoint).objects.update(failures=4)
    assert attempt(mine).endpoint.failures == 0


def test_410_switches_the_endpoint_off_at_once(delivery):
    mine = attempt(delivery("/gone"))
    assert (mine.state, mine.attempts) == (State.GIVEN_UP, 1)
    assert (mine.endpoint.is_enabled, mine.endpoint.disabled_why) == (False, DisabledReason.GONE)


def test_nothing_is_sent_for_an_endpoint_that_is_off_or_an_owner_who_is_disabled(delivery, alice, receiver):
    mine = delivery("/ok")
    switch_off(mine.endpoint)
    assert sender.claim(mine.endpoint_id) is None
    type(mine.endpoint).objects.update(is_enabled=True, disabled_why="")
    type(alice).objects.update(is_active=False)
    assert sender.send_due() == 0
    assert receiver.received == []


def test_two_who_claim_at_once_do_not_both_get_it(delivery, settings):
    mine = delivery("/ok")
    assert sender.claim(mine.endpoint_id) == mine
    assert sender.claim(mine.endpoint_id) is None
    # Whoever has it died: it is due again, and what the first one says after all changes nothing
    late = Delivery.objects.get()
    Delivery.objects.update(next_attempt_at=timezone.now())
    second = sender.claim(mine.endpoint_id)
    assert second.attempts == 2
    sender._failed(late, "too late")
    mine.refresh_from_db()
    assert (mine.error, mine.attempts, mine.state) == ("", 2, State.PENDING)


def test_what_another_process_claims_between_the_look_and_the_claim_is_its_own(delivery, monkeypatch):
    mine, theirs, now = delivery("/ok"), [], clock.now

    def let_another_go_first():
        monkeypatch.setattr(clock, "now", now)
        theirs.append(sender.claim(mine.endpoint_id))
        return now()

    def look():
        monkeypatch.setattr(clock, "now", let_another_go_first)  # asked next when the claim is about to be made
        return now()

    monkeypatch.setattr(clock, "now", look)
    assert sender.claim(mine.endpoint_id) is None
    assert theirs == [mine]
    assert Delivery.objects.get().attempts == 1


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_stalls_keeps_nobody_else_waiting(endpoint, ended, receiver):
    stalls, takes = endpoint("/stall"), endpoint("/ok")
    for _ in range(3):
        deliveries.create_on_end(ended().pk)
    assert sender.send_due() == 2
    receiver.wait_for(1, "/stall")
    receiver.wait_for(3, "/ok")
    wait_until(lambda: not takes.deliveries.filter(state=State.PENDING).exists(), "all of the other's are delivered")
    assert sender.send_due() == 0  # the one that stalls has its sender, and gets no second one
    assert len(receiver.at("/stall")) == 1
    assert stalls.deliveries.filter(state=State.PENDING).count() == 3  # all others were delivered while it stalled
    receiver.release.set()
    receiver.wait_for(3, "/stall")
    wait_until(lambda: not stalls.deliveries.filter(state=State.PENDING).exists(), "it gets the rest")
    wait_until(lambda: not sender._sending, "the senders have ended")
