"""Contenders with unique names, and comparisons in every state, without a worker."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from chatapp.compare import actions
from chatapp.compare.contenders import Contender
from runs.lifecycle import transitions
from runs.models import Model, Provider, Run, Worker
from streams.events import Kind
from streams.log import store


@pytest.fixture
def models(db) -> list[Model]:
    provider = Provider.objects.create(name="quercus", base_url="http://127.0.0.1:1/v1")
    names = [("betula", "Betula Large"), ("fagus", "Fagus Mini"), ("salix", "Salix 7B")]
    return [
        Model.objects.create(name=name, label=label, provider=provider, upstream_id=f"{name}-upstream")
        for name, label in names
    ]


@pytest.fixture
def compare(alice, models):
    """`compare("text")`: a comparison of alice's with each model once, or `contenders=`."""

    def compare_(text="Which tree?", contenders=None, **options):
        contenders = contenders or [Contender(model) for model in models]
        return actions.compare(alice, text, contenders, **options)

    return compare_


@pytest.fixture
def worker(db):
    return Worker.objects.create(
        name="worker@test", pid=1, pool="gevent", lease_until=timezone.now() + timedelta(minutes=1)
    )


@pytest.fixture
def write(worker):
    """`write(pane, "text")`: a worker begins the pane's run and writes."""

    def write_(pane, text: str = "") -> Run:
        pane.refresh_from_db()
        run = pane.run
        assert transitions.claim(run.id, run.task_id, worker)
        if text:
            store.append(run.id, (Kind.TEXT, {"text": text}))
        run.refresh_from_db()
        return run

    return write_


@pytest.fixture
def finish(write):
    """Answer all panes of a comparison, each with different text."""

    def finish_(comparison) -> None:
        for pane in comparison.panes.all():
            transitions.complete(write(pane, f"Answer number {pane.position}").id, "stop")

    return finish_


@pytest.fixture
def log_in():
    """`log_in(alice)` is alice's browser; `log_in(None)` is a browser that is not logged in."""

    def log_in_(user) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return log_in_
