"""Whatever pages and API there are or will be: none of them knows of a pane's session, run or messages (B45, B46)."""

import pytest
from django.test import Client
from django.urls import reverse

from chatapp.accounts.models import Token
from chatapp.api.urls import urlpatterns as api_patterns
from chatapp.web.account.urls import urlpatterns as account_patterns
from chatapp.web.chat.urls import urlpatterns as chat_patterns

pytestmark = pytest.mark.one_database

FOLLOWED = {"events"}  # a pane's events may be followed; what is in them is tested with real ones
OF_PANES = {
    "stop_pane",
    "close_pane",
    "reroll_pane",
    "go_on_with_pane",
    "resume_pane",
}  # of the API: tests/api/test_compare.py
NAMES = ["betula", "fagus", "salix"]
CLOSED = {404, 405}
PAGE_PATTERNS = account_patterns + chat_patterns


def addresses_of(patterns, prefix: str = "") -> list[str]:
    """The names of all addresses that are made with one id."""
    names = [pattern.name for pattern in patterns if set(pattern.pattern.converters) == {"pk"}]
    return [f"{prefix}{name}" for name in names if name not in FOLLOWED | OF_PANES]


def everything_of(pane) -> list:
    message = pane.run.message
    return [pane.run_id, pane.session_id, message.pk, message.parent_id, pane.pk]


def test_no_address_knows_of_a_pane(compare, finish, log_in, alice):
    comparison = compare("Which tree?")
    finish(comparison)
    pane = comparison.panes.select_related("run__message").first()
    browser, program = log_in(alice), Client(headers={"Authorization": f"Bearer {Token.objects.create(alice)[1]}"})
    asked = [(browser, name, {}) for name in addresses_of(PAGE_PATTERNS)]
    asked += [(program, name, {"content_type": "application/json"}) for name in addresses_of(api_patterns, "api:")]
    for client, name, kind in asked:
        for path in (reverse(name, args=[pk]) for pk in everything_of(pane)):
            bodies: list[dict] = [{"text": "Hi", "title": "Hi"}]
            if client is program:  # which refuses members that it does not know, whatever the id
                bodies = [{}, {"text": "Hi"}, {"title": "Hi"}]
            answers = [client.post(path, body, **kind) for body in bodies]
            assert any(response.status_code in CLOSED for response in answers), path
            for response in (client.get(path), *(answer for answer in answers if answer.status_code != 422)):
                assert response.status_code in CLOSED, f"{path} answers {response.status_code}"
                assert not any(word in response.content.decode().lower() for word in NAMES)


def test_the_addresses_that_are_asked_are_those_that_matter():
    assert {"session", "message", "stop"} <= set(addresses_of(PAGE_PATTERNS))
    assert {"api:session", "api:run"} <= set(addresses_of(api_patterns, "api:"))
