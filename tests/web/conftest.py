"""A model to ask, the cast's browsers without JavaScript, and answers in every state."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from runs.actions import send
from runs.lifecycle import transitions
from runs.models import Model, Provider, Run, Worker
from streams.events import Kind
from streams.log import store


@pytest.fixture
def model(db):
    provider = Provider.objects.create(name="provider", base_url="http://127.0.0.1:1/v1")
    return Model.objects.create(name="model", label="A Model", provider=provider, upstream_id="m", is_default=True)


@pytest.fixture
def log_in():
    """`log_in(alice)` is alice's browser; `log_in(None)` that of somebody who has not logged in."""

    def log_in_(user) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return log_in_


@pytest.fixture
def browser(log_in, alice, model):
    """Alice's browser, with a model to choose."""
    return log_in(alice)


@pytest.fixture
def ask(alice, model):
    """`ask("text")`: a message of alice's in a new session (or `session=`), and the run that waits to answer it."""

    def ask_(text: str = "Hello?", session=None) -> Run:
        return send(session or alice.chat_sessions.create(), text, user=alice)

    return ask_


@pytest.fixture
def write():
    """`write(run, "text")`: a worker begins the run and writes some text (and reasoning)."""

    def write_(run: Run, text: str = "", reasoning: str = "") -> Run:
        worker = Worker.objects.create(
            name="worker@test", pid=1, pool="gevent", lease_until=timezone.now() + timedelta(minutes=1)
        )
        assert transitions.claim(run.id, run.task_id, worker)
        if reasoning:
            store.append(run.id, (Kind.REASONING, {"text": reasoning}))
        if text:
            store.append(run.id, (Kind.TEXT, {"text": text}))
        run.refresh_from_db()
        return run

    return write_
