"""A token that may only read changes nothing, wherever it asks."""

import pytest
from django.urls import resolve

from chatapp.accounts.models import Scope
from chatapp.api.urls import urlpatterns
from chatapp.chats.models import Session

ID = "00000000-0000-4000-8000-000000000000"
WRITING = ("post", "put", "patch", "delete")


def addresses():
    """Every address of the API with the methods it takes, from its own map."""
    for pattern in urlpatterns:
        view = getattr(pattern.callback, "cls", None)
        methods = [name for name in ("get", *WRITING) if view is None or hasattr(view, name)]
        path = str(pattern.pattern).replace("<uuid:pk>", ID)
        yield from ((method, f"/api/v1/{path}") for method in methods)


WRITES = [
    (method, path) for method, path in addresses() if method in WRITING and "<" not in path and path != "/api/v1/"
]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_what_changes_something_is_403_for_a_token_that_may_only_read(method, path, alice, program):
    response = getattr(program(alice, Scope.READ), method)(path, "{}", "application/json")
    if resolve(path).func.__name__ == "events":
        assert response.status_code == 405
        return
    assert (response.status_code, response.json()["code"]) == (403, "scope_missing")
    assert response.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="write"'


def test_a_token_that_may_only_read_reads(alice, program):
    session = Session.objects.create(owner=alice, title="Birds")
    assert program(alice, Scope.READ).get(f"/api/v1/sessions/{session.pk}").json()["title"] == "Birds"
    assert program(alice, Scope.READ).get(f"/api/v1/runs/{ID}/events").status_code == 404  # and may follow


def test_another_users_things_are_404_with_either_scope(alice, bob, program):  # B55
    session = Session.objects.create(owner=alice)
    for scope in Scope:
        assert program(bob, scope).get(f"/api/v1/sessions/{session.pk}").status_code == 404
