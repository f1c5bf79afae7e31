"""Which pages may open the WebSocket: those of this site, by scheme, host and port (B55)."""

import asyncio

import pytest

from streams.transports.origin import SameOrigin
from streams.transports.routing import websocket_application

HOST = "chat.example.org"


@pytest.fixture(autouse=True)
def site(settings):
    settings.ALLOWED_HOSTS = [HOST, "127.0.0.1", "[::1]"]
    settings.CSRF_TRUSTED_ORIGINS = []
    return settings


def is_let_in(host: str, *origins: str, scheme: str = "ws", forwarded: str = "") -> bool:
    """Whether a handshake reaches the application behind the check."""
    headers = [(b"host", host.encode()), *((b"origin", origin.encode()) for origin in origins)]
    if forwarded:
        headers.append((b"x-forwarded-proto", forwarded.encode()))
    scope = {"type": "websocket", "path": "/ws/streams", "query_string": b"", "scheme": scheme, "headers": headers}
    reached, sent = [], []

    async def application(scope, receive, send):
        reached.append(scope)

    async def receive() -> dict:
        return {"type": "websocket.connect"}

    async def send(message: dict) -> None:
        sent.append(message["type"])

    asyncio.run(SameOrigin(application)(scope, receive, send))
    assert reached or sent == ["websocket.close"]  # before it was accepted: a 403
    return bool(reached)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        (HOST, f"http://{HOST}"),
        (f"{HOST}:80", f"http://{HOST}"),
        (HOST, f"HTTP://{HOST.upper()}:80"),
        ("[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_page_of_this_site_is_let_in(host, origin):
    assert is_let_in(host, origin)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8001"),  # another service of the same machine
        ("127.0.0.1:8000", "http://127.0.0.1"),
        ("127.0.0.1:8000", "https://127.0.0.1:8000"),
        ("127.0.0.1:8000", "http://localhost:8000"),
        (HOST, f"https://{HOST}"),
        (HOST, f"http://{HOST}:8443"),
        (HOST, f"http://evil.{HOST}"),
        (HOST, f"http://{HOST}.evil.example"),
        (HOST, f"http://{HOST}@evil.example"),
        (HOST, f"http://evil.example@{HOST}"),
        (HOST, f"http://{HOST}/path"),
        (HOST, f"ws://{HOST}"),
        (HOST, HOST),
        (HOST, "null"),
        (HOST, "file://"),
        (HOST, "http://[::1"),
        (HOST, f"http://{HOST}:port"),
        (HOST, "\xff"),
        (HOST, ""),
        ("evil.example", "http://evil.example"),  # a name that this site does not answer to: DNS rebinding
    ],
)
def test_a_page_of_any_other_origin_is_refused(host, origin):
    assert not is_let_in(host, origin)


def test_a_handshake_without_an_origin_or_with_two_is_refused():
    assert not is_let_in(HOST)
    assert not is_let_in(HOST, f"http://{HOST}", f"http://{HOST}")


def test_an_allowed_host_is_not_an_allowed_origin(site):
    site.ALLOWED_HOSTS = ["*"]
    assert is_let_in("anything.example", "http://anything.example")
    assert not is_let_in("anything.example", "http://evil.example")
    assert not is_let_in("anything.example")


@pytest.mark.parametrize("forwarded", ["https", "wss"])
def test_behind_a_trusted_proxy_its_header_decides_the_scheme(site, forwarded):
    assert not is_let_in(HOST, f"https://{HOST}", forwarded=forwarded)  # anybody can send this header
    site.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert is_let_in(HOST, f"https://{HOST}", forwarded=forwarded)
    assert not is_let_in(HOST, f"http://{HOST}", forwarded=forwarded)


def test_tls_of_the_server_itself_decides_the_scheme():
    assert is_let_in(HOST, f"https://{HOST}", scheme="wss")
    assert not is_let_in(HOST, f"http://{HOST}", scheme="wss")


def test_trusted_origins_are_let_in(site):
    site.CSRF_TRUSTED_ORIGINS = ["https://chat.example.net", "https://*.example.com:8443"]
    assert is_let_in(HOST, "https://chat.example.net")
    assert is_let_in(HOST, "https://a.example.com:8443")
    for other in ("http://chat.example.net", "https://a.example.com", "https://chat.example.net:444"):
        assert not is_let_in(HOST, other)


@pytest.mark.parametrize("path", ["/ws/streams/x", "/ws/streams\0", "/shared/some-token", "/", ""])
def test_a_handshake_at_an_unknown_path_is_refused_without_an_error(path):
    """Channels raised, which was a 500, and a traceback with the path in the log."""
    headers = [(b"host", HOST.encode()), (b"origin", f"http://{HOST}".encode())]
    scope = {"type": "websocket", "path": path, "query_string": b"", "scheme": "ws", "headers": headers}
    sent = []

    async def receive() -> dict:
        return {"type": "websocket.connect"}

    async def send(message: dict) -> None:
        sent.append(message["type"])

    asyncio.run(websocket_application({})(scope, receive, send))
    assert sent == ["websocket.close"]
