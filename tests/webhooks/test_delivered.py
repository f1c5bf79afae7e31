"""Webhooks with real processes: a run ends in a worker, the receiver hears of it; and a worker that dies in between."""

import json
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from chatapp.webhooks.models import Delivery, Endpoint, State
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt

SECONDS = "2"  # for an attempt: long enough to kill the worker in the middle


@pytest.fixture
def hooked(make_stack):
    return make_stack(WEBHOOK_PRIVATE_NETWORKS="1", WEBHOOK_SECONDS=SECONDS, WEBHOOK_RETRY_SECONDS="0.5")


def delivered(delivery_id: UUID) -> Delivery:
    def arrived() -> Delivery | None:
        return Delivery.objects.filter(pk=delivery_id, state=State.DELIVERED).first()

    return wait_until(arrived, "it is delivered")


def test_each_end_is_told_once_and_one_that_was_being_sent_when_its_worker_died_is_sent_again(hooked, receiver):
    alice = hooked.person("alice")
    takes = Endpoint.objects.create(owner=alice.user, url=f"{receiver.url}/ok")
    completed = check(alice.send(prompt(tokens=3)))
    say = prompt(tokens=9, hold=[2])
    stopped = alice.send(say)
    alice.follow(stopped).wait_for_text("w2")
    alice.stop(stopped)
    failed = check(alice.send(prompt(tokens=9, close_after=2)))
    stopped = check(stopped)
    got = receiver.wait_for(3, "/ok")
    for message in got:
        Webhook(takes.secret).verify(message.body, message.headers)
    told = {json.loads(message.body)["data"]["run"]: json.loads(message.body)["data"] for message in got}
    ends = {str(run.pk): run.status for run in (completed, stopped, failed)}
    assert {run: data["status"] for run, data in told.items()} == ends
    assert told[str(completed.pk)]["last_seq"] == completed.last_seq
    assert told[str(failed.pk)]["code"] == failed.code
    for delivery in Delivery.objects.filter(endpoint=takes):
        delivered(delivery.pk)
    assert len(receiver.at("/ok")) == 3

    # The worker is killed while the receiver has the message and has not answered
    stalls = Endpoint.objects.create(owner=alice.user, url=f"{receiver.url}/stall")
    run = check(alice.send(prompt(tokens=2)))
    [first] = receiver.wait_for(1, "/stall")
    hooked.worker.kill()
    delivery = stalls.deliveries.get(run=run.pk)
    assert (delivery.state, delivery.attempts, delivery.error) == (State.PENDING, 1, "")
    receiver.release.set()
    hooked.start_part(hooked.worker)
    second = receiver.wait_for(2, "/stall")[1]
    assert second.headers["webhook-id"] == first.headers["webhook-id"] == delivery.message_id
    assert second.body == first.body
    Webhook(stalls.secret).verify(second.body, second.headers)
    assert delivered(delivery.pk).attempts == 2
    assert stalls.deliveries.count() == 1
