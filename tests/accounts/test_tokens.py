"""Tokens: named, expiring, revocable, shown once, and noticed when they are used."""

from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from chatapp.accounts.authentication import viewer
from chatapp.accounts.models import Scope, Token
from chatapp.accounts.tokens import LifetimeRefused, TooManyTokens, lifetimes, make_token

SESSIONS = "/api/v1/sessions"


def ask(client, **headers):
    return client.post(SESSIONS, {}, "application/json", headers=headers)


@pytest.mark.parametrize("prefix", ["Bearer", "bearer", "Token", "TOKEN"])
def test_a_token_opens_the_api_with_either_prefix(prefix, alice, client):
    _, text = make_token(alice, "script", Scope.WRITE, 7)
    assert ask(client, Authorization=f"{prefix} {text}").status_code == 201


def test_only_the_hash_of_a_token_is_kept(alice):
    _, text = make_token(alice, "script", Scope.WRITE, 7)
    assert text not in str(Token.objects.values())


def refused(response, code):
    assert (response.status_code, response.json()["code"]) == (401, code)
    return response.headers["WWW-Authenticate"]


def test_what_is_wrong_with_a_token_is_said_in_a_stable_way(alice, program, client):
    expired, revoked, disabled = program(alice), program(alice), program(alice)
    Token.objects.filter(pk=expired.instance.pk).update(expiry=timezone.now() - timedelta(seconds=1))
    revoked.instance.delete()
    for _ in range(2):  # the second time is like the first
        assert refused(ask(expired), "token_expired") == 'Bearer error="invalid_token"'
        assert refused(ask(revoked), "not_authenticated") == 'Bearer error="invalid_token"'
    assert refused(ask(client), "not_authenticated") == "Bearer"
    alice.is_active = False
    alice.save(update_fields=["is_active"])
    assert refused(ask(disabled), "not_authenticated") == 'Bearer error="invalid_token"'
    assert not apps.get_model("chats", "Session").objects.exists()


def test_the_last_use_is_noted_and_costs_at_most_one_write_a_minute(alice, program, django_assert_num_queries):
    client = program(alice)
    assert client.instance.last_used_at is None
    client.get("/api/v1/nowhere")
    client.instance.refresh_from_db()
    first = client.instance.last_used_at
    assert first is not None
    with django_assert_num_queries(1):
        client.get("/api/v1/nowhere")
    Token.objects.update(last_used_at=first - timedelta(seconds=61))
    client.get("/api/v1/nowhere")
    client.instance.refresh_from_db()
    assert client.instance.last_used_at >= first


def test_a_token_lives_as_long_as_the_site_allows(alice, settings):
    assert lifetimes() == [7, 30, 90, 365]
    for days in (None, 366):
        with pytest.raises(LifetimeRefused):
            make_token(alice, "for ever", Scope.READ, days)
    settings.TOKEN_MAX_DAYS = 14
    assert lifetimes() == [7, 14]
    settings.TOKEN_MAX_DAYS = 0
    assert lifetimes() == [7, 30, 90, 365, None]
    assert make_token(alice, "for ever", Scope.READ, None)[0].expiry is None


def test_one_user_has_fifty_tokens_and_those_that_have_expired_do_not_count(alice, bob):
    for _ in range(50):
        make_token(alice, "one of many", Scope.READ, 7)
    with pytest.raises(TooManyTokens):
        make_token(alice, "one too many", Scope.READ, 7)
    make_token(bob, "another's", Scope.READ, 7)
    Token.objects.filter(user=alice, pk=alice.auth_token_set.first().pk).update(expiry=timezone.now())
    make_token(alice, "in its place", Scope.READ, 7)
    assert alice.auth_token_set.count() == 51
    Token.objects.filter(user=alice).update(expiry=timezone.now() - timedelta(days=31))
    make_token(alice, "a fresh start", Scope.READ, 7)
    assert alice.auth_token_set.count() == 1


def follower_of(program):
    return viewer(RequestFactory().get("/", headers={"Authorization": f"Bearer {program.text}"}))


@pytest.mark.django_db(transaction=True)  # a viewer looks with a connection of its own
@pytest.mark.parametrize("end", ["expired", "revoked", "disabled"])
def test_who_follows_is_asked_again_whether_the_token_still_holds(end, alice, program):  # B55
    client = program(alice, Scope.READ)
    watching = follower_of(client)
    assert async_to_sync(watching.recheck)([]) is not None
    if end == "expired":
        Token.objects.update(expiry=timezone.now())
    elif end == "revoked":
        client.instance.delete()
    else:
        type(alice).objects.update(is_active=False)
    assert async_to_sync(watching.recheck)([]) is None


def test_staff_see_tokens_and_revoke_them_by_deleting(alice, charlie, program):
    admin, client = Client(), program(alice)
    admin.force_login(charlie)
    page = admin.get(reverse("admin:accounts_token_changelist")).text
    assert client.instance.token_key in page
    assert client.text not in page
    assert admin.get(reverse("admin:accounts_token_add")).status_code == 403
    assert ask(client).status_code == 201
    admin.post(reverse("admin:accounts_token_delete", args=[client.instance.pk]), {"post": "yes"})
    assert ask(client).status_code == 401


def test_tokens_of_before_are_taken_over_with_all_that_they_could_do(alice, client):
    _, text = make_token(alice, "", Scope.READ, 7)
    old, now = Token.objects.get(), timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE knox_authtoken"
            " (digest varchar(128), token_key varchar(25), created timestamp, expiry timestamp, user_id bigint)"
        )
        cursor.execute(
            "INSERT INTO knox_authtoken VALUES (%s, %s, %s, %s, %s)",
            [old.digest, old.token_key, now - timedelta(days=9), None, alice.pk],
        )
        old.delete()
        _take_over(SimpleNamespace(connection=connection, execute=cursor.execute))
    new = Token.objects.get()
    assert (new.user, new.scope, new.expiry, (now - new.created).days) == (alice, "write", None, 9)
    assert ask(client, Authorization=f"Bearer {text}").status_code == 201
    assert "knox_authtoken" not in connection.introspection.table_names()


def _take_over(editor):
    import_module("chatapp.accounts.migrations.0001_tokens").take_over(apps, editor)
