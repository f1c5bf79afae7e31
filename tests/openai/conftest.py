"""The real `openai` package as the client of a running stack, and a client without one for what is refused."""

import json
from contextlib import ExitStack

import openai
import pytest
from django.test import Client
from knox.models import get_token_model

from runs.models import Model, Provider


@pytest.fixture
def sdk():
    """Creates a user's `openai.OpenAI`, without retries, so that tests see every error."""
    with ExitStack() as stack:
        yield lambda person: stack.enter_context(
            openai.OpenAI(base_url=f"{person.url}/v1", api_key=person.token, max_retries=0, timeout=30)
        )


class Program:
    """A program with a token, or without one, that speaks JSON in the test's own process."""

    def __init__(self, user=None, **values):
        self.user = user
        token = get_token_model().objects.create(user, **values)[1] if user else ""
        self.client = Client(headers={"Authorization": f"Bearer {token}"} if user else {})

    def ask(self, method, path, body=None, **headers):
        data = body if isinstance(body, bytes) else json.dumps({} if body is None else body)
        return self.client.generic(method, f"/v1/{path}", data, content_type="application/json", headers=headers)


@pytest.fixture
def program(alice):
    return Program(alice)


@pytest.fixture
def stranger(bob):
    return Program(bob)


@pytest.fixture
def nobody(db):
    return Program()


@pytest.fixture
def model(db):
    provider = Provider.objects.create(name="trees", base_url="http://127.0.0.1:9/v1")
    return Model.objects.create(name="betula", label="Betula", provider=provider, upstream_id="b", is_default=True)
