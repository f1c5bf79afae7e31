"""The cast with their tokens, a model to choose, and a client that speaks JSON."""

import json
from uuid import uuid4

import pytest
from django.test import Client
from knox.models import get_token_model

from chatapp.chats.models import Session
from runs.models import Model, Provider, Run
from tests.accounts.conftest import counted, valkey  # noqa: F401  (fixtures)


class JsonClient:
    """A program with a token, or without one."""

    def __init__(self, user=None):
        self.user = user
        self.token = get_token_model().objects.create(user)[1] if user else ""
        self.client = Client(headers={"Authorization": f"Bearer {self.token}"} if user else {})

    def get(self, path, **headers):
        return self.client.get(f"/api/v1/{path}", headers=headers)

    def post(self, path, body=None, **options):
        return self._send("post", path, body, **options)

    def patch(self, path, body=None, **options):
        return self._send("patch", path, body, **options)

    def delete(self, path, body=None, **options):
        return self._send("delete", path, body, **options)

    def _send(self, method, path, body, **options):
        data = body if isinstance(body, bytes | str) else json.dumps({} if body is None else body)
        ask = getattr(self.client, method)
        return ask(f"/api/v1/{path}", data, **{"content_type": "application/json"} | options)

    def ask(self, session, text="hello", **values):
        """Send a message. Returns the run that will answer it. Nothing is committed, so nothing is dispatched."""
        response = self.post(f"sessions/{session.pk}/messages", {"text": text, **values})
        assert response.status_code == 202, response.content
        return Run.objects.select_related("message__parent").get(pk=response.json()["run"]["id"])


def a_model(**fields):
    name = f"model-{uuid4().hex[:8]}"
    provider = Provider.objects.create(name=name, base_url="http://127.0.0.1:9/v1")
    return Model.objects.create(**{"name": name, "label": name, "provider": provider, "upstream_id": name} | fields)


@pytest.fixture
def alice(alice):
    return JsonClient(alice)


@pytest.fixture
def bob(bob):
    return JsonClient(bob)


@pytest.fixture
def charlie(charlie):
    return JsonClient(charlie)


@pytest.fixture
def nobody(db):
    return JsonClient()


@pytest.fixture
def model(db):
    return a_model()


@pytest.fixture
def session(alice):
    return Session.objects.create(owner=alice.user)
