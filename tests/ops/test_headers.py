"""Headers of every response, and what HTTPS=1 changes."""

import json
import logging
import subprocess
import sys

import pytest
from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse, JsonResponse

from chatapp.accounts.models import Token
from chatapp.chats.models import Session
from chatapp.middleware.body_limits import answer_at
from chatapp.middleware.headers import completed
from tests.harness.processes import ROOT
from tests.harness.stack import clean_env

FEATURES = ("camera", "microphone", "geolocation", "payment", "usb")
EVERYWHERE = ["/login", "/healthz", "/nowhere", "/shared/nothing", "/api/v1/me", "/api/v1/nowhere", "/v1/models"]
EVERYWHERE += ["/static/shell/chatapp.css", "/static/nothing.css", "/admin/login/", "/runs/1/stop", "/"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", EVERYWHERE)
@pytest.mark.parametrize("method", ["get", "post"])
def test_every_response_says_who_may_use_it(client, path, method):
    headers = getattr(client, method)(path).headers
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert all(f"{feature}=()" in headers["Permissions-Policy"] for feature in FEATURES)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == ("no-referrer" if "shared" in path else "same-origin")
    assert headers["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", [path for path in EVERYWHERE if not path.startswith("/static")])
@pytest.mark.parametrize("method", ["get", "post", "head", "options", "delete"])
def test_every_response_has_the_id_of_its_line_in_the_log(client, path, method, caplog):
    with caplog.at_level(logging.INFO, "django_structlog.middlewares.request"):
        headers = getattr(client, method)(path).headers
    assert headers["X-Request-ID"] in caplog.text


@pytest.mark.django_db
def test_an_error_of_ours_has_them_too(client, settings, monkeypatch):
    monkeypatch.setattr("chatapp.ops.views.HttpResponse", None)
    client.raise_request_exception = False
    response = client.get("/healthz")
    assert response.status_code == 500
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("path", ["/login", "/api/v1/me", "/v1/models"])
def test_a_request_that_is_refused_before_any_middleware_has_them_too(path, caplog):
    with caplog.at_level(logging.INFO):
        headers = answer_at(path, RequestDataTooBig()).headers
    assert headers["X-Request-ID"] in caplog.text
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")


@pytest.mark.django_db
def test_private_data_is_stored_nowhere_and_pages_may_be_kept_for_back(client, alice):
    session = Session.objects.create(owner=alice)
    client.force_login(alice)
    bearer = {"Authorization": f"Bearer {Token.objects.create(alice)[1]}"}
    for path in ("/api/v1/me", "/api/v1/sessions", f"/api/v1/sessions/{session.pk}", "/api/v1/nowhere", "/v1/models"):
        assert client.get(path, headers=bearer).headers["Cache-Control"] == "no-store", path
    for path in (f"/chats/{session.pk}/export.json", f"/chats/{session.pk}/export.md"):
        assert client.get(path).headers["Cache-Control"] == "no-store", path
    for path in ("/", f"/chats/{session.pk}", "/archive", "/search?q=word", "/compare", "/schedules", "/settings"):
        cache = client.get(path).headers["Cache-Control"]
        assert "no-cache" in cache and "private" in cache and "no-store" not in cache, path
    assert "max-age" in client.get("/static/shell/chatapp.css").headers["Cache-Control"]


@pytest.mark.parametrize(
    ("response", "cache"),
    [
        (HttpResponse(), "private, no-cache"),
        (JsonResponse({}), "no-store"),
        (HttpResponse(content_type="text/plain"), "no-store"),
        (JsonResponse({}, headers={"Cache-Control": "private, no-cache"}), "no-store"),
        (JsonResponse({}, headers={"Cache-Control": "public, max-age=60"}), "public, max-age=60"),
        (HttpResponse(content_type="text/event-stream", headers={"Cache-Control": "no-cache"}), "no-cache"),
        (HttpResponse(headers={"Cache-Control": "no-store"}), "no-store"),
    ],
)
def test_what_a_view_says_of_caching_is_kept_unless_private_data_would_be_stored(response, cache):
    assert completed(response).headers["Cache-Control"] == cache


# -- HTTPS=1 ---------------------------------------------------------------------------------------

LOGIN = """
import json, django
django.setup()
from django.test import Client
client = Client(headers={"X-Forwarded-Proto": "https", "Host": "localhost"})
page = client.get("/login")
static = client.get("/static/shell/chatapp.css")
plain = Client(headers={"Host": "localhost"}).get("/login")
cookies = {name: [morsel["path"], bool(morsel["secure"]), morsel["domain"]] for name, morsel in page.cookies.items()}
hsts = [response.headers.get("Strict-Transport-Security") for response in (page, static, plain)]
from django.conf import settings
print(json.dumps([cookies, hsts, settings.SESSION_COOKIE_NAME, settings.SESSION_COOKIE_SECURE]))
"""


def over_https(tmp_path, **values: str):
    env = clean_env(DATA_DIR=str(tmp_path), DATABASE_URL=f"sqlite:///{tmp_path}/x.sqlite3", **values)
    argv = [sys.executable, "-c", LOGIN]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_with_https_cookies_are_bound_to_this_host_and_browsers_stay_with_it(tmp_path):
    cookies, hsts, session, is_secure = over_https(tmp_path, HTTPS="1")
    assert cookies == {"__Host-csrftoken": ["/", True, ""]}  # a browser takes the prefix with these three only
    assert (session, is_secure) == ("__Host-chatapp_session", True)
    assert hsts == ["max-age=2592000", "max-age=2592000", None]


def test_the_time_of_hsts_is_a_setting_and_without_https_there_is_none(tmp_path):
    assert over_https(tmp_path, HTTPS="1", SECURE_HSTS_SECONDS="0")[1] == [None, None, None]
    cookies, hsts, *_ = over_https(tmp_path)
    assert (list(cookies), hsts) == (["csrftoken"], [None, None, None])
