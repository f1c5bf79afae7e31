"""A model to ask, schedules of alice's, and answers in every state, without a worker."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.test import Client
from django.utils import timezone

from chatapp.schedules import actions, firing
from chatapp.schedules.models import Kind, Occurrence, Schedule
from runs import clock as database_clock
from runs.lifecycle import transitions
from runs.models import Model, Provider, Run, Worker
from runs.signals import ended
from streams.events import Kind as Event
from streams.log import store


class Clock:
    """A fake `timezone.now()` that stands still unless it is moved."""

    def __init__(self):
        self.now = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)

    def forward(self, **length: float) -> datetime:
        self.now += timedelta(**length)
        return self.now

    def to(self, *when: int) -> datetime:
        self.now = datetime(*when, tzinfo=UTC)
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timezone, "now", lambda: clock.now)
    monkeypatch.setattr(database_clock, "read", lambda: clock.now)
    return clock


@pytest.fixture
def tick(clock):
    """`tick(minutes=60)`: advance the clock and run beat's task."""

    def tick_(**length: float) -> int:
        return firing.tick(clock.forward(**length))

    return tick_


@pytest.fixture
def model(db):
    provider = Provider.objects.create(name="provider", base_url="http://127.0.0.1:1/v1")
    return Model.objects.create(name="model", label="A Model", provider=provider, upstream_id="m", is_default=True)


@pytest.fixture
def make(alice, clock, model):
    """`make(every=60)`: a schedule of alice's, due every so many minutes from the clock's now; fields as keywords."""

    def make_(every: int = 60, **values) -> Schedule:
        values = {
            "name": "Weather",
            "prompt": "What is the weather?",
            "kind": Kind.EVERY,
            "zone": "Europe/Berlin",
            "minutes": every,
            "starts_at": clock.now,
        } | values
        return actions.save(Schedule(owner=values.pop("owner", alice), **values))

    return make_


@pytest.fixture
def worker(db):
    return Worker.objects.create(
        name="worker@test", pid=1, pool="gevent", lease_until=timezone.now() + timedelta(days=3650)
    )


@pytest.fixture
def write(worker):
    """`write(run, "text")`: a worker begins the run and writes."""

    def write_(run: Run, text: str = "Sunny.") -> Run:
        run.refresh_from_db()
        assert transitions.claim(run.id, run.task_id, worker)
        store.append(run.id, (Event.TEXT, {"text": text}))
        return run

    return write_


@pytest.fixture
def end(write):
    """`end(occurrence)` completes it; `end(occurrence, lifecycle.stop)` ends it that way. Signals are sent."""

    def end_(occurrence: Occurrence, how=None, text: str = "Sunny.") -> Occurrence:
        occurrence.refresh_from_db()
        run = write(occurrence.run, text)
        (how or partial(transitions.complete, finish_reason="stop"))(run.id)
        ended.send(Run, run_id=run.id)  # on commit, which a test never comes to
        occurrence.refresh_from_db()
        return occurrence

    return end_


@pytest.fixture
def log_in():
    """`log_in(alice)` is alice's browser; `log_in(None)` is a browser that is not logged in."""

    def log_in_(user) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return log_in_


@pytest.fixture
def browser(log_in, alice, model):
    return log_in(alice)
