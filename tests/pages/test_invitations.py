"""Coming for the first time: by an invitation, and no other way."""

import html
import re
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from sesame.utils import get_query_string

from tests.pages.test_frame import words

PASSWORD = "a long and quiet river"
FORM = {"new_password1": PASSWORD, "new_password2": PASSWORD}


@pytest.fixture
def invite(log_in, charlie):
    """`invite("dora")`: the path of the link that charlie gets."""

    def invite(username: str) -> str:
        page = log_in(charlie).post("/settings/invitations", {"username": username})
        assert page.status_code == 200, words(page)
        assert "no-store" in page.headers["Cache-Control"]
        link = urlsplit(html.unescape(re.search(r'id="invitation" value="([^"]+)"', page.content.decode())[1]))
        assert link.netloc == "testserver"
        return f"{link.path}?{link.query}"

    return invite


def test_an_invited_user_chooses_a_password_and_is_in(invite, log_in):
    link, client = invite("dora"), log_in(None)
    assert "Welcome, dora" in words(client.get(link))
    assert client.post(link, FORM).url == "/"
    assert ">dora</span>" in client.get("/").content.decode()
    dora = get_user_model().objects.get(username="dora")
    assert dora.check_password(PASSWORD)
    assert (dora.is_staff, dora.is_superuser) == (False, False)


def test_looking_at_the_link_does_not_spend_it(invite, log_in):
    link = invite("dora")
    for _ in range(3):
        assert log_in(None).get(link).status_code == 200
    assert log_in(None).post(link, FORM).url == "/"


def test_a_link_is_spent_by_the_password(invite, log_in):
    link = invite("dora")
    log_in(None).post(link, FORM)
    thief = log_in(None)
    assert thief.get(link).status_code == 403
    assert thief.post(link, {"new_password1": "stolen-8-away", "new_password2": "stolen-8-away"}).status_code == 403
    assert get_user_model().objects.get(username="dora").check_password(PASSWORD)


def test_a_link_gets_too_old(invite, log_in, settings):
    link = invite("dora")
    settings.INVITATION_DAYS = 0
    response = log_in(None).get(link)
    assert response.status_code == 403
    assert "This invitation is over" in words(response)


def test_a_bad_password_is_told_and_the_link_still_works(invite, log_in):
    link, client = invite("dora"), log_in(None)
    response = client.post(link, {"new_password1": "dora", "new_password2": "dora"})
    assert response.status_code == 422
    assert "too short" in words(response)
    assert client.post(link, FORM).url == "/"


def test_who_has_not_come_is_invited_again(invite, log_in):
    invite("dora")
    assert log_in(None).post(invite("dora"), FORM).url == "/"


def test_an_invitation_does_not_log_in_and_a_login_link_invites_nobody(invite, log_in, alice):
    link = invite("dora")
    assert log_in(None).get(link.replace("/invitation", "/login/link")).status_code == 403
    assert log_in(None).get("/invitation" + get_query_string(alice)).status_code == 403


@pytest.mark.parametrize("username", ["alice", "ALICE", "", "with space", "x" * 151, "a\0b"])
def test_a_name_that_cannot_be_invited_is_told(username, log_in, charlie, alice):
    alice.set_password(PASSWORD)
    alice.save(update_fields=["password"])
    response = log_in(charlie).post("/settings/invitations", {"username": username})
    assert response.status_code == 422
    assert 'class="error"' in response.content.decode()
    assert get_user_model().objects.count() == 2


@pytest.mark.parametrize("person", ["alice", "bob"])
def test_only_staff_invites(person, log_in, request):
    client = log_in(request.getfixturevalue(person))
    assert "Invite somebody" not in words(client.get("/settings"))
    assert client.post("/settings/invitations", {"username": "dora"}).status_code == 404
    assert not get_user_model().objects.filter(username="dora").exists()


@pytest.mark.parametrize("link", ["/invitation", "/invitation?sesame=AAAA", "/invitation?sesame=" + "%00" * 9])
def test_a_made_up_link_is_over(link, log_in, db):
    assert log_in(None).get(link).status_code == 403
    assert log_in(None).post(link, FORM).status_code == 403
