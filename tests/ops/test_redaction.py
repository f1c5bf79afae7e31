"""Redaction of addresses in logs (chatapp/observability/redaction.py), and that no secret route is forgotten."""

import io
import logging
import re

import pytest
from daphne.access import AccessLogGenerator
from django.urls import get_resolver
from django.urls.resolvers import URLPattern

from chatapp.observability.log_format import redact_access_log
from chatapp.observability.redaction import SECRET_ROUTES, holds_secret, redact

SECRET = "s3cr3t-t0ken"
LINES = [
    f"/shared/{SECRET}",
    f"http://127.0.0.1:8000/shared/{SECRET}?x=1",
    f"/shared/{SECRET}/",
    f"/shared/{SECRET}/more/{SECRET}",
    f"//Shared//{SECRET}",
    f"/prefix/shared/{SECRET}",
    f"/%73hared/{SECRET}",
    f"/%73hared/{SECRET}?a=b",
    f"/%2573hared%2F{SECRET}",
    f"/shared%2F{SECRET}",
    f"/login/link?sesame={SECRET}",
    f"/login?next=/shared/{SECRET}",
    f"/search?q={SECRET}&before=2",
    f"/search%3Fq={SECRET}",
    f"/invitation#token={SECRET}",
    f'127.0.0.1:41 - - [29/Nov/2026:14:00:00] "GET /search?q={SECRET}" 200 12',
    f"Not Found: /shared/{SECRET}",
    f'Not Found: /shared/"{SECRET}',
    f"Not Found: /shared/ {SECRET}",
    f"Not Found: /shared/x'{SECRET}",
    f'127.0.0.1:41 - - [29/Nov/2026:14:00:00] "GET /shared/"{SECRET}" 404 12',
    f"<WebRequest at 0x7f method=GET uri=/shared/{SECRET} clientproto=HTTP/1.1> took too long",
    f"GET /a and POST /b?c={SECRET} and /shared/{SECRET} again",
]


@pytest.mark.parametrize("line", LINES)
def test_a_secret_does_not_stay_in_an_address_nor_in_a_line_with_one(line):
    assert SECRET not in redact(line)
    assert redact(redact(line)) == redact(line)


@pytest.mark.parametrize(
    "line",
    [
        "/chats/019a/messages",
        "GET /runs/019a/events",
        "/login",
        "no address? no.",
        "50 %/s",
        "/sharedness/x",
        "/shared/",
    ],
)
def test_what_is_no_secret_stays(line):
    assert redact(line) == line


def routes(resolver, prefix: str = ""):
    """Every route of the URL map that takes text, with the names of what it takes."""
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            if not route.startswith("admin/"):
                yield route, set(re.findall(r"<(?:str|slug|path):(\w+)>", route))
        else:
            yield from routes(pattern, route)


# Of a model, an answer, a chat, a file, whose owner has to be logged in; of nothing.
NO_SECRETS = {"name", "response_id", "file_id", "item_id", "elsewhere"}
SHARED = "shared/<slug:token>"


def test_every_route_that_takes_a_secret_is_known():
    """Whoever adds a route that takes text says here, or in SECRET_ROUTES, what it is."""
    taking = {route: names - NO_SECRETS for route, names in routes(get_resolver())}
    secret = {route for route, names in taking.items() if names}
    assert secret == {SHARED, f"{SHARED}/files/<uuid:pk>", f"{SHARED}/files/<uuid:pk>/thumbnail"}
    assert all(route.startswith(SECRET_ROUTES) for route in secret)
    assert all(holds_secret("/" + re.sub(r"<[^>]+>", SECRET, route)) for route in secret)
    assert not any(holds_secret("/" + re.sub(r"<[^>]+>", "x", route)) for route in taking.keys() - secret)


@pytest.mark.parametrize("name", ["django.request", "django.server", "uvicorn.access", "daphne", "anything"])
def test_no_logger_writes_a_secret_in_whatever_form(name, settings, capsys):
    """Each goes through the one handler; none has another of its own."""
    logger = logging.getLogger(name)
    while logger.propagate and logger.parent:
        assert [handler for handler in logger.handlers if type(handler).__module__.startswith("logging")] == []
        logger = logger.parent
    assert logger is logging.getLogger()
    record = logging.makeLogRecord({"name": name, "msg": "%s gone", "args": (f"/shared/{SECRET}?q={SECRET}",)})
    for handler in logger.handlers:
        if type(handler) is logging.StreamHandler and "structlog" in type(handler.formatter).__module__:
            assert SECRET not in handler.format(record)
            break
    else:
        pytest.fail("the handler of settings.LOGGING is not there")


def test_the_access_log_of_daphne_has_no_secret(monkeypatch):
    monkeypatch.setattr(AccessLogGenerator, "write_entry", AccessLogGenerator.write_entry)  # put back afterwards
    redact_access_log()
    log = io.StringIO()
    details = {
        "method": "GET",
        "path": f"/shared/{SECRET}?q={SECRET}",
        "client": "127.0.0.1:1",
        "status": 200,
        "size": 7,
    }
    AccessLogGenerator(log)("http", "complete", details)
    assert '"GET /shared/[hidden]" 200 7' in log.getvalue()


@pytest.mark.parametrize("text", ["GET /x'" + "a" * 100_000, "/" * 100_000, "/sharedx" * 12_000, "?" * 100_000 + "/"])
@pytest.mark.timeout(60)
def test_a_line_takes_no_longer_than_its_length(text):  # B85
    """It takes 0.05 s. It took minutes, and would not end here."""
    redact(text)
