"""Every page, asked as alice (whose it is), bob, charlie (staff) and nobody (B55)."""

from operator import attrgetter

import pytest
from django.urls import reverse

from chatapp.chats.models import Message, Session
from chatapp.web.account.urls import urlpatterns as account_patterns
from chatapp.web.chat.urls import urlpatterns as chat_patterns
from runs.models import Run
from tests.harness.upstream import prompt

pytestmark = pytest.mark.one_database

SESSION_PAGES = {
    "session": ("get", "session_id"),
    "messages": ("post", "session_id"),
    "message": ("get", "message_id"),
    "message_text": ("get", "message_id"),
    "edit_message": ("post", "message.parent_id"),
    "branch": ("post", "message.parent_id"),
    "tuning": ("post", "session_id"),
    "stop": ("post", "id"),
    "title": ("post", "session_id"),
    "summary": ("post", "session_id"),
    "delete": ("post", "session_id"),
    "release": ("post", "session_id"),
    "discard": ("post", "session_id"),
    "again": ("post", "message_id"),
    "continue": ("post", "message_id"),
    "other_model": ("get", "message_id"),
    "seen": ("post", "session_id"),
    "pin": ("post", "session_id"),
    "put_away": ("post", "session_id"),
    "share": ("post", "session_id"),
    "export_markdown": ("get", "session_id"),
    "export_json": ("get", "session_id"),
    "export_zip": ("get", "session_id"),
}
QUEUE_PAGES = {
    "edit": ("post", "id"),
    "remove": ("post", "id"),
    "send_now": ("post", "id"),
}
SESSION_PAGES |= QUEUE_PAGES
NOBODYS_TOKEN = "00000000-0000-4000-8000-000000000000"
OPEN_PAGES = {"login", "login_link", "logout", "shared", "shared_file", "shared_thumbnail", "invitation"}
OWN_PAGES = {
    "home": "get",
    "start": "post",
    "list": "get",
    "archive": "get",
    "search": "get",
    "select": "get",
    "export_all": "get",
    "welcome": "get",
    "settings": "get",
    "security": "get",
    "developers": "get",
    "people": "get",
    "password": "post",
    "make_token": "post",
    "revoke_token": "post",
    "make_invitation": "post",
}


@pytest.fixture
def a_run(name, ask):
    """A run for the page `name`: those of the queue are asked for one that waits behind another."""
    run = ask()
    return ask("And?", session=run.session) if name in QUEUE_PAGES else run


def ask_page(client, name, run):
    method, field = SESSION_PAGES[name]
    form = {"text": "Foreign words", "title": "Foreign words", "system_prompt": "Foreign words"}
    return getattr(client, method)(reverse(name, args=[attrgetter(field)(run)]), form)


def everything() -> list[tuple]:
    """What alice has, as somebody else might have changed it."""
    messages = Message.objects.order_by("id").values_list("id", "content", "state")
    runs = Run.objects.order_by("id").values_list("id", "status", "position", "task_id", "stop_requested_at")
    fields = ("id", "title", "tip", "system_prompt", "news", "pinned_at", "archived_at", "share_token", "share_files")
    return [*Session.objects.values_list(*fields), *messages, *runs]


def test_every_page_is_asked_here():
    names = {pattern.name for pattern in account_patterns + chat_patterns}
    asked = {*SESSION_PAGES, *OPEN_PAGES, *OWN_PAGES, "events"}
    assert names - asked == set(), "add each to SESSION_PAGES, OWN_PAGES or OPEN_PAGES above"
    assert asked - names == set(), "these pages are gone"


@pytest.mark.parametrize("name", SESSION_PAGES)
def test_alice_reaches_what_is_hers(name, log_in, alice, a_run):
    assert ask_page(log_in(alice), name, a_run).status_code in (200, 204, 302)


@pytest.mark.parametrize("name", SESSION_PAGES)
@pytest.mark.parametrize("person", ["bob", "charlie"])
def test_others_are_told_that_there_is_nothing_and_change_nothing(person, name, log_in, a_run, request):
    before = everything()
    response = ask_page(log_in(request.getfixturevalue(person)), name, a_run)
    assert response.status_code == 404
    assert everything() == before


@pytest.mark.parametrize("name", SESSION_PAGES)
def test_nobody_is_led_to_the_login(name, log_in, a_run):
    before = everything()
    response = ask_page(log_in(None), name, a_run)
    if response.status_code == 401:  # the log-in form itself, which carries the text
        assert 'name="password"' in response.content.decode()
    else:
        assert response.url.startswith("/login?next=")
    assert everything() == before


@pytest.mark.parametrize("name", ["share", "delete"])
@pytest.mark.parametrize(("person", "status"), [("alice", 200), ("bob", 404), ("charlie", 404)])
def test_the_pages_that_ask_first_are_for_the_owner(name, person, status, log_in, ask, request):
    client = log_in(request.getfixturevalue(person))
    assert client.get(reverse(name, args=[ask().session_id])).status_code == status


@pytest.mark.parametrize("name", OWN_PAGES)
def test_nobody_has_no_list_and_starts_nothing(name, log_in, db):
    path = reverse(name, args=[NOBODYS_TOKEN] if name == "revoke_token" else [])
    assert getattr(log_in(None), OWN_PAGES[name])(path).url.startswith("/login?next=")


@pytest.mark.parametrize("name", SESSION_PAGES)
def test_what_does_not_exist_looks_like_what_is_anothers(name, log_in, alice, db):
    method, _ = SESSION_PAGES[name]
    missing = reverse(name, args=["01936b3e-0000-7000-8000-000000000000"])
    assert getattr(log_in(alice), method)(missing).status_code == 404


def test_the_list_shows_only_ones_own_sessions(log_in, bob, charlie, ask):
    ask("A secret of alice")
    for person in (bob, charlie):
        assert "A secret" not in log_in(person).get("/").content.decode()


def test_the_events_of_a_run_are_for_its_owner(stack):
    alice, bob, charlie = (stack.person(name) for name in ("alice", "bob", "charlie"))
    run = alice.send(prompt(tokens=3))
    path = reverse("events", args=[run.pk])
    whole = alice.page("GET", path)  # ends with the final event
    assert (whole.status, whole.headers["content-type"]) == (200, "text/event-stream")
    assert b'"run.completed"' in whole.body
    assert [person.page("GET", path).status for person in (bob, charlie)] == [404, 404]
    assert alice.request("GET", path).status == 401
