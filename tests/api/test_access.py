"""Every address and method, asked by everybody who may not: one table, which is compared with the URL map.

Each test goes through the whole table and tells all that is wrong: the cast is made once, not for every row.
"""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.utils import timezone

from chatapp.accounts.models import Scope, Token
from chatapp.accounts.tokens import make_token, revoke
from chatapp.chats.models import Message, Session
from runs.models import Run
from streams.models import LoggedEvent
from tests.api.addresses import ROWS

PROGRAMS = ("api/", "v1/")  # what programs ask; people's pages have tests of their own
METHODS = ("get", "post", "put", "patch", "delete")
NAMED = [row for row in ROWS if "{" in row.path]
PRIVATE = [row for row in ROWS if not row.is_public]
TOO_LARGE = b" " * 2_700_000
NAMES = ("session", "message", "run", "comparison", "pane", "schedule")
TESTED = {"missing"}  # in tests/api/test_errors.py


def patterns(resolver, prefix: str = ""):
    """Every address of the URL map, with its view."""
    for pattern in resolver.url_patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern, path)
        elif isinstance(pattern, URLPattern):
            yield path, pattern


def methods_of(callback) -> list[str]:
    """What a view takes; one that is a function says so itself, or takes GET."""
    if view := getattr(callback, "cls", None):
        return [method.upper() for method in METHODS if hasattr(view, method)]
    return list(getattr(callback, "methods", ["GET"]))


def test_every_address_and_method_that_is_served_is_in_the_table():
    served = {
        (method, pattern.lookup_str, pattern.name)
        for path, pattern in patterns(get_resolver())
        if path.lstrip("^").startswith(PROGRAMS) and pattern.name not in TESTED
        for method in methods_of(pattern.callback)
    }
    named = dict.fromkeys(NAMES, uuid4())
    matches = [(row, resolve(row.path.format(**named))) for row in ROWS]
    asked = {(row.method, match._func_path, match.url_name) for row, match in matches}
    assert asked == served


def ask(row, names: dict, token: str = "", body: bytes | None = None):
    data = body if body is not None else b"" if row.body is None else json.dumps(row.body).encode()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    client = Client(headers=headers)
    return client.generic(row.method, row.path.format(**names), data, content_type="application/json")


def everything():
    """All that a request could change."""
    return [list(kind.objects.order_by("pk").values()) for kind in (Session, Message, Run, LoggedEvent)]


@pytest.fixture
def things(alice, session, model):
    """What the addresses name: an answer of alice's on its way, and a message that waits."""
    first, second = alice.ask(session, "one"), alice.ask(session, "two")
    return {"session": session.pk, "message": first.message.parent_id, "run": second.pk}


def told(response) -> tuple[int, str]:
    """Status and code; nothing of another shape is a refusal."""
    if response["Content-Type"] != "application/problem+json":
        return response.status_code, response["Content-Type"]
    return response.status_code, response.json()["code"]


def assert_all(rows, expected: tuple[int, str], answer) -> None:
    """`answer(row)` is what is expected, for every row, and nothing was changed."""
    before = everything()
    wrong = {f"{row.method} {row.path}": got for row in rows if (got := told(answer(row))) != expected}
    assert wrong == {}
    assert everything() == before


def test_without_a_token_nothing_is_told_or_done(things):
    assert_all(PRIVATE, (401, "not_authenticated"), lambda row: ask(row, things))
    assert {ask(row, things)["WWW-Authenticate"] for row in PRIVATE} == {"Bearer"}


@pytest.fixture(params=["expired", "revoked", "disabled"])
def void_token(request, alice) -> tuple[str, str]:
    """A token of alice's that holds no more, and the code that says so."""
    kept, token = make_token(alice.user, "old", Scope.WRITE, days=1)
    if request.param == "expired":
        Token.objects.filter(pk=kept.pk).update(expiry=timezone.now() - timedelta(seconds=1))
        return token, "token_expired"
    if request.param == "revoked":
        revoke(kept)
    else:
        alice.user.is_active = False
        alice.user.save(update_fields=["is_active"])
    return token, "not_authenticated"


def test_a_token_that_holds_no_more_is_none(things, void_token):
    token, code = void_token
    assert_all(PRIVATE, (401, code), lambda row: ask(row, things, token))


def test_a_token_that_may_only_read_changes_nothing(alice, things):
    _, token = make_token(alice.user, "reader", Scope.READ, days=1)
    writing = [row for row in PRIVATE if row.method != "GET"]
    assert_all(writing, (403, "scope_missing"), lambda row: ask(row, things, token))


def test_a_token_that_may_only_read_reads(alice, things):
    _, token = make_token(alice.user, "reader", Scope.READ, days=1)
    reading = [row for row in PRIVATE if row.method == "GET"]
    assert {ask(row, things, token).status_code for row in reading} <= {200, 204}


def test_what_is_another_users_is_404_and_untouched(things, bob, charlie):  # B55, B38
    for other in (bob, charlie):
        assert_all(NAMED, (404, "not_found"), lambda row, other=other: ask(row, things, other.token))


@pytest.mark.parametrize("unknown", [uuid4(), "not-an-id", "0"], ids=["an id", "no id", "a number"])
def test_what_does_not_exist_is_404(alice, unknown):
    names = dict.fromkeys(NAMES, unknown)
    assert_all(NAMED, (404, "not_found"), lambda row: ask(row, names, alice.token))


def test_a_body_that_is_too_large_is_refused_whether_or_not_one_is_read(alice, things):
    assert_all(PRIVATE, (413, "body_too_large"), lambda row: ask(row, things, alice.token, TOO_LARGE))
