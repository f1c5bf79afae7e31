"""A changed password ends the user's other sessions, wherever it was changed (B55)."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.management.commands import changepassword
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client

from chatapp.accounts.models import Token

PASSWORD, OTHER = "a long and quiet river", "a short and noisy brook"
NEW = {"new_password1": OTHER, "new_password2": OTHER}
BOTH = {"password1": OTHER, "password2": OTHER, "usable_password": "true"}

pytestmark = pytest.mark.django_db(transaction=True)  # the rows are deleted on commit


@pytest.fixture
def user():
    return get_user_model().objects.create_superuser("dora", password=PASSWORD)


def browser(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def on_the_own_page(here: Client, user) -> None:
    here.post("/settings/password", {"old_password": PASSWORD, **NEW})


def on_the_admin_s_own_page(here: Client, user) -> None:
    here.post("/admin/password_change/", {"old_password": PASSWORD, **NEW})


def by_the_admin(here: Client, user) -> None:
    here.post(f"/admin/auth/user/{user.pk}/password/", BOTH)


@pytest.mark.parametrize("change", [on_the_own_page, on_the_admin_s_own_page, by_the_admin])
def test_here_one_stays_and_everywhere_else_the_session_is_gone(change, user, alice):
    here, elsewhere, another = browser(user), browser(user), browser(alice)
    change(here, user)
    user.refresh_from_db()
    assert user.check_password(OTHER)
    assert (here.get("/").status_code, another.get("/").status_code) == (200, 200)
    assert Session.objects.count() == 2  # those; not one more
    assert elsewhere.get("/").status_code == 302


@pytest.mark.parametrize("change", ["command", "unusable"])
def test_staff_ends_all_sessions_of_somebody_else(change, user, alice, monkeypatch):
    client, staff = browser(alice), browser(user)
    if change == "command":
        monkeypatch.setattr(changepassword.Command, "_get_pass", lambda *args: OTHER)
        call_command("changepassword", "alice")
    else:
        staff.post(f"/admin/auth/user/{alice.pk}/password/", BOTH | {"usable_password": "false"})
    assert Session.objects.count() == 1
    assert client.get("/").status_code == 302
    assert staff.get("/").status_code == 200


def test_tokens_stay_unless_one_says_so(user, alice):
    here = browser(user)
    assert "revoke_tokens" not in here.get("/settings/security").text
    for owner in (user, user, alice):
        Token.objects.create(owner)
    assert "Also revoke my 2 tokens" in here.get("/settings/security").text
    on_the_own_page(here, user)
    assert Token.objects.count() == 3
    form = {"old_password": OTHER, "new_password1": PASSWORD, "new_password2": PASSWORD, "revoke_tokens": "on"}
    here.post("/settings/password", form | {"old_password": "wrong"})
    assert Token.objects.count() == 3
    assert here.post("/settings/password", form).url == "/settings/security"
    assert [token.user for token in Token.objects.all()] == [alice]
