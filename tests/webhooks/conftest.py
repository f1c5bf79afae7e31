"""A receiver, an endpoint of alice's there, and runs that end without a worker."""

import pytest
from django.utils import timezone

from chatapp.webhooks.actions import make_endpoint
from chatapp.webhooks.models import Delivery, Endpoint, all_ends
from runs.actions import send
from runs.lifecycle import transitions
from runs.models import Model, Provider, Run
from tests.webhooks.receiver import Receiver


@pytest.fixture(scope="module")
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(autouse=True)
def fresh(receiver):
    receiver.received.clear()
    receiver.release.clear()


@pytest.fixture
def private_networks(settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = True


@pytest.fixture
def endpoint(private_networks, receiver, alice):
    """`endpoint("/ok")`: an endpoint of alice's (or `owner=`) at that path of the receiver."""

    def endpoint_(path: str = "/ok", owner=None, ends=None) -> Endpoint:
        return make_endpoint(owner or alice, receiver.url + path, all_ends() if ends is None else ends)

    return endpoint_


@pytest.fixture
def model(db):
    provider = Provider.objects.create(name="provider", base_url="http://127.0.0.1:1/v1")
    return Model.objects.create(name="model", label="A Model", provider=provider, upstream_id="m", is_default=True)


@pytest.fixture
def ended(alice, model):
    """`ended()`: a run of alice's (or `owner=`) that has ended. Nothing is committed, so no signal was sent."""

    def ended_(owner=None, **session) -> Run:
        run = send((owner or alice).chat_sessions.create(**session), "Hello?", user=owner or alice)
        transitions.stop(run.pk)  # unless, in a test that commits, it could not be started
        run.refresh_from_db()
        assert run.is_final
        return run

    return ended_


@pytest.fixture
def due():
    """Make pending deliveries due now."""

    def due_() -> None:
        Delivery.objects.exclude(next_attempt_at=None).update(next_attempt_at=timezone.now())

    return due_
