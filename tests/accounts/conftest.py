"""Programs with a token, and a Valkey that counts."""

from uuid import uuid4

import pytest
from django.test import Client

from chatapp.accounts import throttles
from chatapp.accounts.models import Scope
from chatapp.accounts.tokens import make_token
from tests.harness import parts
from tests.harness.processes import temporary_directory
from tests.harness.stack import clean_env


@pytest.fixture
def program():
    """A client with a new token of a user; `program.instance` is the token."""

    def program(user, scope=Scope.WRITE, days: int | None = 30) -> Client:
        instance, text = make_token(user, "a program", scope, days)
        client = Client(headers={"Authorization": f"Bearer {text}"})
        client.instance, client.text = instance, text
        return client

    return program


@pytest.fixture(scope="module")
def valkey():
    part, url = parts.make_valkey(temporary_directory("throttles"), clean_env())
    part.start()
    parts.wait_for_valkey(part)
    part.url = url
    yield part
    part.kill()


@pytest.fixture
def counted(valkey, settings):
    """Throttles count in a real Valkey, each test for itself. Called with limits: `counted(reads=2)`."""

    def counted(**limits: int) -> None:
        settings.THROTTLES = dict.fromkeys(settings.THROTTLES, 0) | limits

    settings.REDIS_URL, settings.CHANNEL_PREFIX = valkey.url, f"test-{uuid4()}"
    throttles._retry_at = 0.0
    yield counted
    throttles._retry_at = 0.0
    throttles._limiter.cache_clear()
