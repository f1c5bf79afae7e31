"""What a token may do. That every address looks is asked in tests/api/test_access.py."""

import pytest
from django.test import RequestFactory

from chatapp.accounts.authentication import authenticated
from chatapp.accounts.models import Scope
from chatapp.accounts.permissions import ScopeMissing
from chatapp.chats.models import Session

pytestmark = pytest.mark.one_database

ID = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("method", "path"), [("post", "sessions"), ("delete", f"sessions/{ID}"), ("post", f"runs/{ID}/stop")]
)
def test_what_changes_something_is_403_for_a_token_that_may_only_read(method, path, alice, program):
    response = getattr(program(alice, Scope.READ), method)(f"/api/v1/{path}", "{}", "application/json")
    assert (response.status_code, response.json()["code"]) == (403, "scope_missing")
    assert response.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="write"'


def test_a_view_of_django_s_own_looks_at_the_scope_too(alice, program):
    header = {"Authorization": f"Token {program(alice, Scope.READ).text}"}
    assert authenticated(RequestFactory().get("/", headers=header))[0] == alice
    for method in ("post", "put", "patch", "delete"):
        with pytest.raises(ScopeMissing):
            authenticated(getattr(RequestFactory(), method)("/", headers=header))


def test_a_token_that_may_only_read_reads(alice, program):
    session = Session.objects.create(owner=alice, title="Birds")
    assert program(alice, Scope.READ).get(f"/api/v1/sessions/{session.pk}").json()["title"] == "Birds"
    assert program(alice, Scope.READ).get(f"/api/v1/runs/{ID}/events").status_code == 404  # and may follow


def test_another_users_things_are_404_with_either_scope(alice, bob, program):  # B55
    session = Session.objects.create(owner=alice)
    for scope in Scope:
        assert program(bob, scope).get(f"/api/v1/sessions/{session.pk}").status_code == 404
