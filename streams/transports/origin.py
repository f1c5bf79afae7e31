"""Allow WebSockets only for pages of this site. Browsers let pages of any site try (B55).

The rule is that of Django's CSRF middleware for forms: the Origin is this site's, with the scheme, host and port of the
request, or one of CSRF_TRUSTED_ORIGINS. A handshake without an Origin is refused, because the socket is authenticated
by a cookie. A handshake with a token needs no Origin, since no page of another site has one by chance; if it has one,
that is this site's or one of ALLOWED_ORIGINS.
"""

from io import BytesIO
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.utils.http import is_same_domain

from streams.transports.asgi_types import Application, Receive, Scope, Send
from streams.transports.handshake_token import token_in

HTTP = {"ws": "http", "wss": "https"}
SCHEMES = {b"ws": b"http", b"wss": b"https"}  # Traefik forwards the WebSocket's own scheme
PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Origin | None":
        """None where `text` is not the origin of a page, such as `null`."""
        try:
            url = urlsplit(text.strip().lower())
            port = url.port or PORTS[url.scheme]
        except (KeyError, ValueError):
            return None
        if not url.hostname or url.username is not None or url.path or url.query or url.fragment:
            return None
        return cls(url.scheme, url.hostname, port)


class SameOrigin:
    """An ASGI application that passes WebSockets of this site's pages on, and refuses all others with 403."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_same_origin(scope) or (token_in(scope) and is_allowed_for_programs(scope)):
            await self._application(scope, receive, send)
        else:
            await receive()  # websocket.connect
            await send({"type": "websocket.close"})


def is_allowed_for_programs(scope: Scope) -> bool:
    """Whether a handshake with a token comes from a program, or from a page of a site in ALLOWED_ORIGINS."""
    headers = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
    allowed = map(Origin.parse, settings.ALLOWED_ORIGINS)
    return not headers or (len(headers) == 1 and (origin := Origin.parse(headers[0])) is not None and origin in allowed)


def is_same_origin(scope: Scope) -> bool:
    """Whether the handshake comes from a page of this site, or of a trusted one."""
    headers = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
    if len(headers) != 1 or (origin := Origin.parse(headers[0])) is None:
        return False
    return origin == _site_origin(scope) or any(_is_covered(origin, each) for each in settings.CSRF_TRUSTED_ORIGINS)


def _site_origin(scope: Scope) -> Origin | None:
    """This site's origin as the handshake addresses it; None: by a host that is not allowed."""
    scheme = HTTP.get(scope.get("scheme", "ws"), "http")
    headers = [(name, SCHEMES.get(value, value)) for name, value in scope["headers"]]
    request = ASGIRequest({**scope, "type": "http", "method": "GET", "scheme": scheme, "headers": headers}, BytesIO())
    try:
        return Origin.parse(f"{request.scheme}://{request.get_host()}")  # both respect a trusted proxy, as for pages
    except DisallowedHost:
        return None


def _is_covered(origin: Origin, trusted: str) -> bool:
    """Whether a trusted origin, such as https://chat.example.org or https://*.example.org, covers `origin`."""
    pattern = Origin.parse(trusted.replace("://*.", "://.", 1))
    if pattern is None or (pattern.scheme, pattern.port) != (origin.scheme, origin.port):
        return False
    return is_same_domain(origin.host, pattern.host)
