"""Something of everything that an address can name, committed: streams are read beside the request's transaction."""

import logging
import os
from datetime import time
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection, transaction
from django.test import Client

from chatapp.accounts.models import Scope
from chatapp.accounts.tokens import make_token
from chatapp.chats.actions import share
from chatapp.chats.attachments import attach
from chatapp.chats.models import Message, Role
from chatapp.compare.actions import compare
from chatapp.compare.contenders import Contender
from chatapp.files.actions import store
from chatapp.openai.content_parts import file_id_of
from chatapp.openai.models import Exchange
from chatapp.schedules.actions import save
from chatapp.schedules.models import Schedule
from chatapp.webhooks.models import Endpoint
from runs.actions import send
from runs.message_files import attachment_of
from runs.models import Model, Provider, Report, Worker
from tests.edges.asking import Asker
from tests.edges.filling import Table
from tests.files.pictures import picture

CSRF = b"c" * 32


def person(user) -> Asker:
    """A browser with a session, and the token against forgery that every form of its has."""
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value.encode()
    cookies = b"%b=%b; csrftoken=%b" % (settings.SESSION_COOKIE_NAME.encode(), cookie, CSRF)
    return Asker([(b"cookie", cookies), (b"x-csrftoken", CSRF)])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item) -> None:
    if os.environ.get("EDGES") != "all" and item.get_closest_marker("at_length"):
        pytest.skip("make edges asks forms, heads and the admin, too, with all values")


@pytest.fixture
def _connection_stays():
    """The request's transaction is on the test's connection, which would be closed around each request."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def cast(transactional_db, _connection_stays) -> dict[str, Asker]:
    users = get_user_model().objects
    alice, charlie = users.create_user("alice"), users.create_superuser("charlie")
    _, token = make_token(alice, "program", Scope.WRITE, days=1)
    stranger = Asker([(b"cookie", b"csrftoken=" + CSRF), (b"x-csrftoken", CSRF)])
    program = Asker([(b"authorization", f"Bearer {token}".encode())])
    return {"alice": person(alice), "charlie": person(charlie), "program": program, "": stranger}


@pytest.fixture
def things(cast) -> dict[str, str]:
    """What paths name. Nothing is dispatched: there is no worker."""
    alice = get_user_model().objects.get(username="alice")
    with transaction.atomic():
        made = _make(alice)
        connection.run_on_commit.clear()
    return {name: str(getattr(thing, "pk", thing)) for name, thing in made.items()}


def _make(alice) -> dict[str, object]:
    provider = Provider.objects.create(name="provider", base_url="http://127.0.0.1:9/v1")
    model = Model.objects.create(
        name="model-1", label="A Model", provider=provider, upstream_id="m", is_default=True, parameters={"top_p": 1}
    )
    session = alice.chat_sessions.create(title="Birds")
    shared = alice.chat_sessions.create(title="Shared")
    share(shared, with_files=True)
    first, second = send(session, "one", user=alice), send(session, "two", user=alice)
    comparison = compare(alice, "Which tree?", [Contender(model), Contender(model, temperature=1.0)])
    schedule = save(Schedule(owner=alice, name="Morning", prompt="New?", kind="daily", zone="UTC", at=time(8)))
    program = alice.chat_sessions.create(title="By a program", is_listed=False)
    exchange = Exchange.objects.create(
        run=send(program, "Hello", user=alice), kind="response", input=[], parameters={}, echo={"model": model.name},
        is_stored=True, is_background=True, chain=uuid4(),
    )  # fmt: skip
    webhook = Endpoint.objects.create(owner=alice, url="https://192.0.2.1/x", secret="s")
    Worker.objects.create(name="w@h", pid=1, pool="gevent", lease_until=first.queued_at)
    Report.file("upkeep")
    token, _ = make_token(alice, "old", Scope.READ, days=1)
    file = store(alice, SimpleUploadedFile("a.png", picture()), "a.png")
    text_file = store(alice, SimpleUploadedFile("a.txt", b"Robins"), "a.txt")
    shared.tip = Message.objects.create(session=shared, role=Role.USER, content="Look")
    shared.save(update_fields=["tip"])
    seen = store(alice, SimpleUploadedFile("b.png", picture(size=(50, 40))), "b.png")
    attach(shared.tip, [attachment_of(seen)])
    return {
        "model": model.name, "session": session, "message": first.message.parent_id, "answer": first.message_id,
        "run": second, "comparison": comparison, "pane": comparison.panes.first(), "schedule": schedule,
        "response": exchange.response_id, "webhook": webhook, "share": shared.share_token, "token": token.uuid,
        "provider": provider, "model_row": model,
        "file": file, "text_file": text_file, "shared_file": seen, "openai_file": file_id_of(file.pk),
        "item": f"msg_{first.message.parent_id.hex}_0",
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _quiet():
    """Each refusal is logged, which takes longer than the refusal."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def table(cast, things) -> Table:
    return Table(cast, things)
