"""Every address and method, asked by everybody who may not: one table, which is compared with the URL map.

Each test goes through the whole table and tells all that is wrong: the cast is made once, not for every row.
"""

import json
from datetime import time, timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.utils import timezone

from chatapp.accounts.models import Scope, Token
from chatapp.accounts.tokens import make_token, revoke
from chatapp.chats.models import Message, Session
from chatapp.compare.actions import compare
from chatapp.compare.contenders import Contender
from chatapp.compare.models import Comparison, Pane
from chatapp.files.actions import store
from chatapp.files.models import StoredFile
from chatapp.openai.content_parts import file_id_of
from chatapp.openai.models import Exchange
from chatapp.schedules.actions import save
from chatapp.schedules.models import Occurrence, Schedule
from runs.models import Run
from streams.models import LoggedEvent
from tests.api.addresses import RESPONSE, ROWS

pytestmark = pytest.mark.one_database

PROGRAMS = ("api/", "v1/")  # what programs ask; people's pages have tests of their own
METHODS = ("get", "post", "put", "patch", "delete")
NAMED = [row for row in ROWS if "{" in row.path and "{model}" not in row.path]  # a model is everybody's
PRIVATE = [row for row in ROWS if not row.is_public]
CLIENT = Client()  # one for all: making one takes longer than asking
TOO_LARGE = b" " * 2_700_000
TOO_LARGE_FOR_PROGRAMS = b" " * 10_100_000  # of /v1, which takes documents
NAMES = ("session", "message", "run", "comparison", "pane", "schedule", "model", "response", "file", "openai_file")
NAMES += ("text_file", "item")


def patterns(resolver, prefix: str = "", space: str = ""):
    """Every address of the URL map: where it is, what it is called, its view."""
    for pattern in resolver.url_patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern, path, f"{pattern.namespace}:" if pattern.namespace else space)
        elif isinstance(pattern, URLPattern):
            yield path, f"{space}{pattern.name}", pattern.callback


def methods_of(callback) -> list[str]:
    """What a view takes; one that is a function says so itself, or takes GET."""
    if view := getattr(callback, "cls", None):
        return [method.upper() for method in METHODS if hasattr(view, method)]
    return list(getattr(callback, "methods", ["GET"]))


def test_every_address_and_method_that_is_served_is_in_the_table():
    served = {
        (method, name)
        for path, name, view in patterns(get_resolver())
        if path.lstrip("^").startswith(PROGRAMS)
        and not name.endswith((":missing", "None"))  # in tests/api/test_errors.py
        for method in methods_of(view)
    }
    named = dict.fromkeys(NAMES, uuid4())
    asked = {(row.method, resolve(row.path.partition("?")[0].format(**named)).view_name) for row in ROWS}
    assert asked == served


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def ask(row, names: dict, token: str = "", body: bytes | None = None):
    data = body if body is not None else b"" if row.body is None else json.dumps(row.body).encode()
    headers = bearer(token) if token else {}
    return CLIENT.generic(row.method, row.path.format(**names), data, "application/json", headers=headers)


def everything():
    """All that a request could change."""
    kinds = (Session, Message, Run, LoggedEvent, Comparison, Pane, Schedule, Occurrence, Exchange)
    kinds += (StoredFile,)
    return [list(kind.objects.order_by("pk").values()) for kind in kinds]


@pytest.fixture
def things(alice, session, model):
    """What the addresses name: an answer of alice's on its way, and a message that waits."""
    first, second = alice.ask(session, "one"), alice.ask(session, "two")
    response = CLIENT.post("/v1/responses", RESPONSE, "application/json", headers=bearer(alice.token)).json()
    comparison = compare(alice.user, "Which tree?", [Contender(model), Contender(model, temperature=1.0)])
    rule = {"kind": "daily", "zone": "UTC", "at": time(8)}
    schedule = save(Schedule(owner=alice.user, name="Morning", prompt="What is new?", **rule))
    names = {"session": session.pk, "message": first.message.parent_id, "run": second.pk}
    names |= {"comparison": comparison.pk, "pane": comparison.panes.first().pk, "schedule": schedule.pk}
    file = store(alice.user, SimpleUploadedFile("notes.txt", b"Wrens"), "notes.txt")
    return names | {
        "file": file.pk,
        "text_file": file.pk,
        "openai_file": file_id_of(file.pk),
        "item": f"msg_{first.message.parent_id.hex}_0",
        "model": model.name,
        "response": response["id"],
    }


OF_OPENAI = {"invalid_api_key": "not_authenticated", "body_too_large": "body_too_large"}
OF_OPENAI |= {"conversation_not_found": "not_found"}
OF_OPENAI |= {"response_not_found": "not_found", "scope_missing": "scope_missing", "throttled": "throttled"}
OF_OPENAI |= {"file_not_found": "not_found"}


def split(rows) -> tuple[list, list]:
    """Those that tell all codes, and OpenAI's, which have one word for every token that is not good."""
    openai = [row for row in rows if row.path.startswith("/v1/")]
    return [row for row in rows if row not in openai], openai


def told(response) -> tuple[int, str]:
    """Status and code; nothing of another shape is a refusal."""
    if response["Content-Type"] == "application/json" and "error" in response.json():  # as OpenAI's clients read it
        return response.status_code, OF_OPENAI.get(response.json()["error"]["code"])
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
    with_words, without = split(PRIVATE)
    assert_all(with_words, (401, code), lambda row: ask(row, things, token))
    assert_all(without, (401, "not_authenticated"), lambda row: ask(row, things, token))


def test_a_token_that_may_only_read_changes_nothing(alice, things):
    _, token = make_token(alice.user, "reader", Scope.READ, days=1)
    writing = [row for row in PRIVATE if row.method != "GET"]
    assert_all(writing, (403, "scope_missing"), lambda row: ask(row, things, token))


def test_a_token_that_may_only_read_reads(alice, things):
    _, token = make_token(alice.user, "reader", Scope.READ, days=1)
    # What a stream tells is read beside the test's transaction; tests/worker/test_access.py asks a real one.
    reading = [row for row in PRIVATE if row.method == "GET" and not row.path.endswith("/events")]
    read = {f"{row.method} {row.path}": ask(row, things, token).status_code for row in reading}
    assert {path: status for path, status in read.items() if status not in (200, 204)} == {}


def test_who_asks_too_often_is_told_when_to_come_back(alice, things, counted):  # B57
    counted(**dict.fromkeys(("reads", "writes", "runs", "programs", "follows", "exports"), 1))
    ends = ("/again", "/stop", "/events", "/completions")
    started = (row for row in PRIVATE if row.path.endswith(ends) or row.method == "GET")
    for row in started:
        ask(row, things, alice.token)  # now each limit is reached
    assert_all(PRIVATE, (429, "throttled"), lambda row: ask(row, things, alice.token))
    waits = {ask(row, things, alice.token).get("Retry-After") for row in PRIVATE}
    assert all(wait is not None and 0 < int(wait) <= 60 for wait in waits)


def test_what_is_another_users_is_404_and_untouched(things, bob, charlie):  # B55, B38
    for other in (bob, charlie):
        assert_all(NAMED, (404, "not_found"), lambda row, other=other: ask(row, things, other.token))


@pytest.mark.parametrize("unknown", [uuid4(), "not-an-id", "0"], ids=["an id", "no id", "a number"])
def test_what_does_not_exist_is_404(alice, unknown):
    names = dict.fromkeys(NAMES, unknown)
    assert_all(NAMED, (404, "not_found"), lambda row: ask(row, names, alice.token))


def test_a_body_that_is_too_large_is_refused_whether_or_not_one_is_read(alice, things, settings):
    settings.UPLOAD_MAX_BYTES = 2_500_000
    rows = [row for row in PRIVATE if row.path.startswith("/api/v1/") or row.body is not None]

    def body(row):
        return TOO_LARGE_FOR_PROGRAMS if row.path.startswith("/v1/") else TOO_LARGE

    assert_all(rows, (413, "body_too_large"), lambda row: ask(row, things, alice.token, body(row)))
