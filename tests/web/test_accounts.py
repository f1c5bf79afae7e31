"""Logging in and out."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone

from chatapp.accounts.links import login_link, redeem
from chatapp.accounts.models import OneTimeLink, Purpose
from tests.web.test_frame import words

PASSWORD = "a long and quiet river"


def test_a_password_leads_to_where_one_wanted_to_go(log_in, alice):
    alice.set_password(PASSWORD)
    alice.save(update_fields=["password"])
    client = log_in(None)
    login = client.get(client.get("/search?q=tea").url)
    assert 'name="next" value="/search?q=tea"' in login.content.decode()
    form = {"username": "alice", "password": PASSWORD, "next": "/search?q=tea"}
    assert client.post("/login", form).url == "/search?q=tea"
    assert client.get("/").status_code == 200


def test_a_wrong_password_is_told_and_the_name_kept(log_in, alice):
    response = log_in(None).post("/login", {"username": "alice", "password": "wrong"})
    assert response.status_code == 200
    assert "Please enter a correct username and password" in words(response)
    assert 'value="alice"' in response.content.decode()


def test_a_login_leads_nowhere_else(log_in, alice):
    alice.set_password(PASSWORD)
    alice.save(update_fields=["password"])
    form = {"username": "alice", "password": PASSWORD, "next": "https://evil.example/"}
    assert log_in(None).post("/login", form).url == "/"


def login_token(user) -> str:
    return login_link(user, "").partition("#")[2]


def test_a_login_link_works_once(log_in, alice):
    token, first, second = login_token(alice), log_in(None), log_in(None)
    assert first.post("/login/link", {"token": token}).url == "/welcome"
    assert first.get("/").status_code == 200
    response = second.post("/login/link", {"token": token})
    assert response.status_code == 403
    assert "This login link has been used or has expired" in words(response)
    assert "manage.py login_link" in words(response)
    assert 'href="/login"' in response.text
    assert second.get("/").status_code == 302


@pytest.mark.parametrize("method", ["get", "head", "options"])
@pytest.mark.parametrize("address", ["/login/link", "/login/link?token={}", "/login/link?sesame={}"])
def test_looking_at_a_link_changes_nothing(log_in, alice, method, address):
    """A preview, a prefetch or a mail program that opened a link logged in and used it up."""
    token, looking = login_token(alice), log_in(None)
    for _ in range(3):
        response = getattr(looking, method)(address.format(token))
        assert "no-store" in response.headers["Cache-Control"] or method == "options"
    assert looking.get("/").status_code == 302
    alice.refresh_from_db()
    assert alice.last_login is None
    assert log_in(None).post("/login/link", {"token": token}).url == "/welcome"


@pytest.mark.parametrize("address", ["/login/link", "/invitation"])
@pytest.mark.parametrize("query", ["sesame", "token"])
def test_a_link_from_before_the_update_says_so_at_once(log_in, db, address, query):
    """It led to a form that asks for the whole link, and that refuses the link of course."""
    response = log_in(None).get(f"{address}?{query}=AAAA")
    assert response.status_code == 403
    assert "It was created before an update of this site. Ask for a new one." in words(response)
    assert "<form" not in response.text


def test_the_button_is_no_other_site_s_to_press(alice):
    client = Client(enforce_csrf_checks=True)
    assert client.post("/login/link", {"token": login_token(alice)}).status_code == 403
    assert client.get("/").status_code == 302


def test_the_whole_link_may_be_pasted(log_in, alice):
    link = login_link(alice, "https://chat.example.org")
    assert link.startswith("https://chat.example.org/login/link#")
    assert log_in(None).post("/login/link", {"token": f"  {link}\n"}).url == "/welcome"


def test_the_token_is_kept_nowhere(log_in, alice):
    token, client = login_token(alice), log_in(None)
    client.post("/login/link", {"token": token})
    kept = [*OneTimeLink.objects.values_list(), *[session.get_decoded() for session in Session.objects.all()]]
    assert token not in repr(kept)


def test_who_is_logged_in_is_asked_before_a_link_for_somebody_else_is_used(log_in, alice, bob):
    """A link that came from anywhere silently replaced the user who was logged in."""
    token, client = login_token(bob), log_in(alice)
    assert "You’re logged in as alice" in words(client.get("/login/link"))
    question = client.post("/login/link", {"token": token})
    assert "This link is for bob" in words(question)
    assert f'value="{token}"' in question.text
    assert "no-store" in question.headers["Cache-Control"]
    assert client.get("/").context["user"] == alice
    wrong = {"token": token, "instead_of": bob.pk}  # asked when somebody else was logged in
    assert "This link is for bob" in words(client.post("/login/link", wrong))
    assert client.post("/login/link", {"token": token, "instead_of": alice.pk}).url == "/welcome"
    assert client.get("/").context["user"] == bob


def test_a_link_for_who_is_logged_in_already_asks_nothing(log_in, alice):
    client = log_in(alice)
    assert client.post("/login/link", {"token": login_token(alice)}).url == "/welcome"
    assert client.get("/").context["user"] == alice


def test_a_used_link_in_the_browser_that_used_it_leads_home(log_in, alice, bob):
    token, client = login_token(alice), log_in(None)
    client.post("/login/link", {"token": token})
    assert client.post("/login/link", {"token": token}).url == "/"
    refused = log_in(bob).post("/login/link", {"token": token})
    assert refused.status_code == 403
    assert "Continue as bob" in words(refused)


@pytest.mark.parametrize("change", ["expired", "password", "disabled", "invitation"])
def test_a_link_that_holds_no_more_leads_to_the_login(log_in, alice, change):
    token = login_token(alice)
    if change == "expired":
        OneTimeLink.objects.update(expires_at=timezone.now())
    elif change == "invitation":
        OneTimeLink.objects.update(purpose=Purpose.INVITATION)
    else:
        alice.set_unusable_password() if change == "password" else setattr(alice, "is_active", False)
        alice.save(update_fields=["password", "is_active"])
    response = log_in(None).post("/login/link", {"token": token})
    assert response.status_code == 403
    assert 'href="/login"' in response.text
    assert redeem(token, Purpose.LOGIN) is None


@pytest.mark.parametrize("token", ["", "AAAA", "#", "a\0b", "x" * 100_000, None])
def test_a_made_up_link_is_an_expired_one(log_in, db, token):
    form = {} if token is None else {"token": token}
    assert log_in(None).post("/login/link", form).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_of_twelve_who_press_the_button_at_once_one_is_logged_in(alice):
    """Each of twelve got a session."""
    token, start = login_token(alice), Barrier(12)

    def press(_) -> int:
        client = Client()
        start.wait()
        try:
            return client.post("/login/link", {"token": token}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as hands:
        statuses = list(hands.map(press, range(12)))
    assert sorted(statuses) == [302] + [403] * 11
    assert Session.objects.count() == 1


def test_old_log_in_links_are_forgotten_with_the_next(alice):
    login_token(alice)
    OneTimeLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    login_token(alice)
    assert OneTimeLink.objects.count() == 1


def test_log_out_takes_a_button_and_not_a_link(log_in, alice):
    client = log_in(alice)
    assert client.get("/logout").status_code == 405
    assert client.get("/").status_code == 200
    answer = client.post("/logout")
    assert (answer.url, answer["Clear-Site-Data"]) == ("/login", '"cache"')
    assert client.get("/").status_code == 302


def test_who_is_logged_in_does_not_see_the_login(log_in, alice):
    assert log_in(alice).get("/login").url == "/"
