"""Throttles: counted across processes, 429 with Retry-After; and nobody is refused because Valkey is away."""

import logging

import pytest
from django.contrib.auth import get_user_model
from django.test import Client, RequestFactory
from django.urls import reverse
from rest_framework.exceptions import Throttled

from chatapp.accounts import throttles
from chatapp.accounts.authentication import authenticated
from chatapp.accounts.models import Scope

pytestmark = pytest.mark.one_database

NOWHERE = "/api/v1/nowhere"
ID = "00000000-0000-4000-8000-000000000000"


def statuses(ask, times: int) -> list[int]:
    return [ask().status_code for _ in range(times)]


def test_the_request_after_the_last_allowed_one_is_429_and_says_when_to_come_back(counted, alice, program):
    counted(reads=3)
    client = program(alice)
    assert statuses(lambda: client.get(NOWHERE), 3) == [404] * 3
    response = client.get(NOWHERE)
    assert (response.status_code, response.json()["code"]) == (429, "throttled")
    assert response.json()["retryable"] is True
    assert 1 <= int(response.headers["Retry-After"]) <= 60


def test_all_tokens_of_a_user_count_together_and_users_apart(counted, alice, bob, program):
    counted(reads=2)
    assert [program(alice).get(NOWHERE).status_code for _ in range(3)] == [404, 404, 429]
    assert program(bob).get(NOWHERE).status_code == 404


def test_scopes_are_counted_apart(counted, alice, program):
    counted(reads=1, writes=2, follows=1)
    client = program(alice)
    assert statuses(lambda: client.get(NOWHERE), 2) == [404, 429]
    assert statuses(lambda: client.post("/api/v1/sessions", {}, "application/json"), 3) == [201, 201, 429]
    assert statuses(lambda: client.get(f"/api/v1/runs/{ID}/events"), 2) == [404, 429]


def test_what_starts_a_run_is_counted_as_a_run(counted, alice, program):
    counted(runs=1, writes=1)
    client = program(alice)
    for path in (f"sessions/{ID}/messages", f"messages/{ID}/edit", f"runs/{ID}/again", f"runs/{ID}/continue"):
        asked = client.post(f"/api/v1/{path}", "{}", "application/json")
        assert asked.status_code == (404 if "sessions" in path else 429)
    assert client.post("/api/v1/sessions", {}, "application/json").status_code == 201


@pytest.mark.parametrize("path", ["chat/completions", "responses", "completions", "embeddings"])
def test_what_a_program_asks_of_a_model_is_counted_as_its_own(counted, alice, program, path):
    counted(programs=2, writes=1, runs=1)
    client = program(alice)
    assert statuses(lambda: client.post(f"/v1/{path}", "{}", "application/json"), 2) == [400] * 2
    refused = client.post(f"/v1/{path}", "{}", "application/json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "throttled")
    assert 1 <= int(refused["Retry-After"]) <= 60 and refused["X-Should-Retry"] == "true"


def test_a_limit_of_zero_is_none(counted, alice, program):
    counted(reads=0)
    client = program(alice)
    assert set(statuses(lambda: client.get(NOWHERE), 5)) == {404}


def test_a_request_without_a_token_counts_for_nobody(counted, client, alice, program):
    counted(reads=1)
    assert statuses(lambda: client.get(NOWHERE), 3) == [401] * 3
    assert program(alice).get(NOWHERE).status_code == 404


def test_a_view_of_django_s_own_is_throttled_alike(counted, alice, program):
    counted(runs=1)
    request = RequestFactory().post("/", headers={"Authorization": f"Bearer {program(alice, Scope.WRITE).text}"})
    assert authenticated(request, throttles.RUNS)[0] == alice
    with pytest.raises(Throttled) as refusal:
        authenticated(request, throttles.RUNS)
    assert 0 < refusal.value.wait <= 60


def test_without_valkey_nobody_is_refused_and_it_is_asked_again_only_after_a_while(
    counted, settings, alice, program, caplog
):
    counted(reads=1)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"  # nobody is there
    client = program(alice)
    with caplog.at_level(logging.WARNING, "chatapp.accounts.throttles"):
        assert statuses(lambda: client.get(NOWHERE), 4) == [404] * 4
    assert [record.getMessage()[:22] for record in caplog.records if "throttled" in record.getMessage()] == [
        "nothing is throttled, "
    ]


# -- signing in -----------------------------------------------------------------------------------


@pytest.fixture
def with_password(alice):
    alice.set_password("a long and quiet river")
    alice.save(update_fields=["password"])


@pytest.mark.parametrize("door", ["login", "admin:login"])
def test_passwords_cannot_be_tried_without_end(door, counted, with_password):
    counted(sign_ins=3)
    wrong = {"username": "alice", "password": "wrong"}
    assert statuses(lambda: Client().post(reverse(door), wrong), 3) == [200] * 3
    spelt_otherwise = {"username": "ＡLICE ", "password": "a long and quiet river"}  # which Django reads as an A
    refused = Client().post(reverse(door), wrong | spelt_otherwise)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert "Too many attempts" in refused.text
    assert f'href="{reverse(door)}"' in refused.text
    assert Client().get(reverse(door)).status_code == 200
    # Somebody else, and alice from elsewhere, are not kept out by it
    assert Client().post(reverse(door), wrong | {"username": "bob"}).status_code == 200
    right = wrong | {"password": "a long and quiet river"}
    assert Client(REMOTE_ADDR="192.0.2.7").post(reverse("login"), right).status_code == 302


@pytest.mark.parametrize(
    ("form", "path"), [("/settings/security", "/settings/password"), ("/admin/password_change/",) * 2]
)
def test_nor_can_the_old_one_at_an_open_browser(form, path, counted, with_password, alice, bob):
    """Where a password is changed nothing was counted: whoever sat down there could try as many as he liked."""
    counted(sign_ins=3)
    get_user_model().objects.update(is_staff=True)
    client, other = Client(), Client()
    client.force_login(alice)
    other.force_login(bob)
    wrong = {"old_password": "wrong", "new_password1": "a noisy brook", "new_password2": "a noisy brook"}
    assert all(status in (200, 422) for status in statuses(lambda: client.post(path, wrong), 3))
    refused = client.post(path, wrong | {"old_password": "a long and quiet river"}, REMOTE_ADDR="192.0.2.7")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert f'href="{form}"' in refused.text
    assert client.get(form).status_code == 200
    assert other.post(path, wrong).status_code != 429


@pytest.mark.parametrize("path", ["/login/link", "/invitation"])
def test_links_cannot_be_guessed_without_end(path, counted, db):
    counted(sign_ins=1)  # ten from an address: many may be invited at once
    assert statuses(lambda: Client().post(path, {"token": "made up"}), 11) == [403] * 10 + [429]
    refused = Client().post(path, {"token": "made up"})
    assert f'href="{path}"' in refused.text
    assert Client().get(path).status_code == 200
    assert Client(REMOTE_ADDR="192.0.2.7").post(path, {"token": "made up"}).status_code == 403


def test_many_names_from_one_address_have_an_end_too(counted, db):
    counted(sign_ins=1)
    names = iter(range(100))
    got = statuses(lambda: Client().post(reverse("login"), {"username": f"u{next(names)}", "password": "x"}), 11)
    assert got == [200] * 10 + [429]
    assert not get_user_model().objects.exists()


def test_behind_a_proxy_the_client_s_address_is_what_the_proxy_says(settings):
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "203.0.113.9, 192.0.2.1"})
    assert throttles.address_of(request) == "127.0.0.1"
    settings.HTTPS = True
    assert throttles.address_of(request) == "192.0.2.1"  # the rest was sent by the client


@pytest.mark.parametrize(
    ("written", "counted_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:4711", "192.0.2.1"),
        ("2001:db8::7", "2001:db8::/64"),
        ("[2001:db8::7]:4711", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", "unix:"),
        ("", ""),
    ],
)
def test_an_address_is_the_same_however_it_is_written(written, counted_as):
    assert throttles.address_of(RequestFactory().get("/", REMOTE_ADDR=written)) == counted_as


def test_what_everybody_may_read_is_counted_by_address(counted, alice, db):
    counted(anonymous=3)
    session = alice.chat_sessions.create(share_token="t" * 43)
    paths = [f"/shared/{session.share_token}", "/api/v1/openapi.json", "/api/v1/docs"]
    assert [Client().get(path).status_code for path in paths] == [200] * 3
    for path in (*paths, f"/shared/{'x' * 43}"):  # nor can links be tried
        refused = Client().get(path)
        assert refused.status_code == 429, path
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert Client().get(paths[1]).json()["code"] == "throttled"
    assert Client(REMOTE_ADDR="192.0.2.7").get(paths[0]).status_code == 200


def test_a_network_of_ipv6_is_one_address(counted, db):
    counted(anonymous=1)
    asked = [Client(REMOTE_ADDR=f"2001:db8::{n}").get("/api/v1/openapi.json").status_code for n in (1, 2)]
    assert asked == [200, 429]
    assert Client(REMOTE_ADDR="2001:db8:0:1::1").get("/api/v1/openapi.json").status_code == 200
    assert Client(REMOTE_ADDR="no: address").get("/api/v1/openapi.json").status_code == 200


def test_files_of_chats_are_counted_for_their_user_wherever_they_are_asked_for(counted, alice, bob, program):
    counted(exports=2)
    path = f"chats/{alice.chat_sessions.create().pk}/export"
    browser, other = Client(), Client()
    browser.force_login(alice)
    other.force_login(bob)
    assert browser.get(f"/{path}.md").status_code == 200
    assert program(alice).get(f"/api/v1/{path.replace('chats', 'sessions')}.json").status_code == 200
    assert browser.get(f"/{path}.json").status_code == 429
    assert browser.get(f"/compare/{ID}/export.md").status_code == 429
    assert other.get(f"/{path}.md").status_code == 404
