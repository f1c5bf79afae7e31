"""Coming for the first time: by an invitation, and no other way."""

import html
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.utils import timezone

from chatapp.accounts import invitations
from chatapp.accounts.links import login_link
from chatapp.accounts.models import OneTimeLink, Purpose
from tests.web.test_frame import words

PASSWORD = "a long and quiet river"
FORM = {"new_password1": PASSWORD, "new_password2": PASSWORD}


@pytest.fixture
def invite(log_in, charlie):
    """`invite("dora")`: the token in the link that charlie gets."""

    def invite(username: str) -> str:
        page = log_in(charlie).post("/settings/invitations", {"username": username}, follow=True)
        assert page.status_code == 200, words(page)
        assert "no-store" in page.headers["Cache-Control"]
        link = urlsplit(html.unescape(re.search(r'id="invitation" value="([^"]+)"', page.text)[1]))
        assert (link.netloc, link.path, link.query) == ("testserver", "/invitation", "")
        return link.fragment

    return invite


def come(client: Client, token: str, **form: str):
    return client.post("/invitation", {"token": token, **form})


def person(username: str = "dora"):
    return get_user_model().objects.get(username=username)


def test_an_invited_user_chooses_a_password_and_is_in(invite, log_in):
    token, client = invite("dora"), log_in(None)
    assert "You’ve been invited" in words(client.get("/invitation"))
    assert "Welcome, dora" in words(come(client, token))
    assert come(client, token, **FORM).url == "/"
    assert ">dora</span>" in client.get("/").text
    assert person().check_password(PASSWORD)
    assert (person().is_staff, person().is_superuser) == (False, False)


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_the_link_changes_nothing(invite, log_in, method):
    token = invite("dora")
    for _ in range(3):
        assert getattr(log_in(None), method)("/invitation").status_code == 200
        assert come(log_in(None), token).status_code == 200
    assert come(log_in(None), token, **FORM).url == "/"


def test_a_link_is_spent_by_the_password(invite, log_in):
    token, thief = invite("dora"), log_in(None)
    come(log_in(None), token, **FORM)
    assert come(thief, token).status_code == 403
    assert come(thief, token, new_password1="stolen-8-away", new_password2="stolen-8-away").status_code == 403
    assert person().check_password(PASSWORD)


def test_a_link_gets_too_old(invite, log_in):
    token = invite("dora")
    OneTimeLink.objects.update(expires_at=timezone.now())
    response = come(log_in(None), token)
    assert response.status_code == 403
    assert "This invitation is no longer valid" in words(response)


def test_a_bad_password_is_told_and_the_link_still_works(invite, log_in):
    token, client = invite("dora"), log_in(None)
    response = come(client, token, new_password1="dora", new_password2="dora")
    assert response.status_code == 422
    assert "too short" in words(response)
    assert come(client, token, **FORM).url == "/"


def test_who_has_not_come_is_invited_again_and_the_earlier_link_is_over(invite, log_in):
    earlier, token = invite("dora"), invite("dora")
    assert come(log_in(None), earlier).status_code == 403
    assert come(log_in(None), token, **FORM).url == "/"


def test_an_invitation_does_not_log_in_and_a_login_link_invites_nobody(invite, log_in, alice):
    token = invite("dora")
    assert log_in(None).post("/login/link", {"token": token}).status_code == 403
    alice_s = login_link(alice, "").partition("#")[2]
    assert come(log_in(None), alice_s).status_code == 403
    assert come(log_in(None), alice_s, **FORM).status_code == 403


def test_who_is_logged_in_is_told_whom_the_link_is_for(invite, log_in, bob):
    token, client = invite("dora"), log_in(bob)
    page = words(come(client, token))
    assert "You’re logged in as bob" in page
    assert "Set password and log in as dora" in page
    assert client.get("/").context["user"] == bob
    assert come(client, token, **FORM).url == "/"
    assert client.get("/").context["user"] == person()


@pytest.mark.django_db(transaction=True)
def test_of_several_who_choose_a_password_at_once_one_is_in(invite):
    token, start = invite("dora"), Barrier(6)

    def choose(number: int) -> int:
        client, word = Client(), f"{PASSWORD} {number}"
        start.wait()
        try:
            return come(client, token, new_password1=word, new_password2=word).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as hands:
        statuses = list(hands.map(choose, range(6)))
    assert sorted(statuses) == [302] + [403] * 5
    assert person().check_password(f"{PASSWORD} {statuses.index(302)}")


# -- whom an invitation can be for ----------------------------------------------------------------


@pytest.mark.parametrize("username", ["alice", "ALICE", "charlie", "", "with space", "x" * 151, "a\0b"])
def test_a_name_that_cannot_be_invited_is_told(username, log_in, charlie, alice):
    """Nobody has ever logged in as alice, and she has no password: an invitation handed her account over."""
    response = log_in(charlie).post("/settings/invitations", {"username": username})
    assert response.status_code == 422
    assert 'class="error"' in response.text
    assert get_user_model().objects.count() == 2
    assert not OneTimeLink.objects.exists()


PROMOTIONS = [
    {"is_staff": True},
    {"is_superuser": True},
    {"is_active": False},
    {"last_login": timezone.now()},
    {"password": "md5$x$y"},
]


@pytest.mark.parametrize("change", PROMOTIONS, ids=lambda change: next(iter(change)))
def test_an_account_that_became_more_than_an_invited_one_is_not_handed_over(change, invite, log_in, charlie):
    token = invite("dora")
    get_user_model().objects.filter(username="dora").update(**change)
    assert come(log_in(None), token).status_code == 403
    assert come(log_in(None), token, **FORM).status_code == 403
    assert invitations.accept(token, PASSWORD) is None
    assert log_in(charlie).post("/settings/invitations", {"username": "dora"}).status_code == 422
    assert not person().check_password(PASSWORD)


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_only_staff_invites(who, log_in, request):
    client = log_in(request.getfixturevalue(who))
    assert "People" not in words(client.get("/settings"))
    assert client.get("/settings/people").status_code == 404
    assert client.post("/settings/invitations", {"username": "dora"}).status_code == 404
    assert not get_user_model().objects.filter(username="dora").exists()


@pytest.mark.parametrize("token", ["", "AAAA", "\0" * 9])
def test_a_made_up_link_is_over(token, log_in, db):
    assert come(log_in(None), token).status_code == 403
    assert come(log_in(None), token, **FORM).status_code == 403


def test_who_made_an_invitation_is_known_and_may_go(invite, charlie):
    invite("dora")
    assert OneTimeLink.objects.get(purpose=Purpose.INVITATION).made_by == charlie
    charlie.delete()
    assert OneTimeLink.objects.get().made_by is None
