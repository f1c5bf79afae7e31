"""Runs without a worker: lifecycle transitions called directly."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from chatapp.chats.models import Session
from runs import actions
from runs.lifecycle import reaper, transitions
from runs.models import Model, Provider, Run, Worker


@pytest.fixture
def model(db):
    provider = Provider.objects.create(name="local", base_url="http://127.0.0.1:1/v1")
    return Model.objects.create(name="m", label="M", provider=provider, upstream_id="m", is_default=True)


@pytest.fixture
def session(alice):
    return Session.objects.create(owner=alice)


@pytest.fixture
def worker(db):
    return Worker.objects.create(name="w", pid=1, pool="gevent", lease_until=reaper.lease_end())


@pytest.fixture
def send(model, session, alice):
    """Send a message. Returns the run, which has a task but is not dispatched, because nothing is committed."""
    return lambda text="Hello", **options: actions.send(options.pop("to", session), text, user=alice, **options)


@pytest.fixture
def claim(worker):
    def claim(run: Run) -> Run:
        run.refresh_from_db()
        claimed = transitions.claim(run.id, run.task_id or uuid4(), worker)
        return claimed and claimed[0]

    return claim


@pytest.fixture
def expire(worker):
    def expire() -> None:
        Worker.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    return expire
