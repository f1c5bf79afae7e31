"""Which pages may open a WebSocket: those of this site. Browsers keep no page of another site from trying (B55).

The rule is that of Django's CSRF middleware for forms: the Origin is this site's, with its scheme, host and port as
the request names them, or one of CSRF_TRUSTED_ORIGINS. A handshake without an Origin is refused, because the socket is
authenticated by a cookie; programs follow server-sent events with their tokens.
"""

from io import BytesIO
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.http.request import is_same_domain

HTTP = {"ws": "http", "wss": "https"}
SCHEMES = {b"ws": b"http", b"wss": b"https"}  # Traefik forwards the WebSocket's own
PORTS = {"http": 80, "https": 443}


class SameOrigin:
    """An ASGI application that hands on WebSockets of this site's pages, and refuses all others with 403."""

    def __init__(self, application) -> None:
        self._application = application

    async def __call__(self, scope, receive, send) -> None:
        if is_same_origin(scope):
            await self._application(scope, receive, send)
        else:
            await receive()  # websocket.connect
            await send({"type": "websocket.close"})


def is_same_origin(scope: dict) -> bool:
    """Whether the handshake comes from a page of this site, or from a trusted one."""
    origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
    if len(origins) != 1 or (origin := _parts(origins[0])) is None:
        return False
    return origin == _site(scope) or any(_covers(trusted, origin) for trusted in settings.CSRF_TRUSTED_ORIGINS)


def _site(scope: dict) -> tuple[str, str, int] | None:
    """This site's origin as the handshake names it; None: by a name that it does not answer to."""
    scheme = HTTP.get(scope.get("scheme", "ws"), "http")
    headers = [(name, SCHEMES.get(value, value)) for name, value in scope["headers"]]
    request = ASGIRequest({**scope, "type": "http", "method": "GET", "scheme": scheme, "headers": headers}, BytesIO())
    try:
        return _parts(f"{request.scheme}://{request.get_host()}")  # both hear a trusted proxy, as for every page
    except DisallowedHost:
        return None


def _covers(trusted: str, origin: tuple[str, str, int]) -> bool:
    """Whether a trusted origin, such as https://chat.example.org or https://*.example.org, covers `origin`."""
    parts = _parts(trusted.replace("://*.", "://.", 1))
    return parts is not None and parts[::2] == origin[::2] and is_same_domain(origin[1], parts[1])


def _parts(origin: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None where it is no origin of a page, such as `null`."""
    try:
        url = urlsplit(origin.strip().lower())
        port = url.port or PORTS[url.scheme]
    except (KeyError, ValueError):
        return None
    is_origin = url.hostname and url.username is None and not (url.path or url.query or url.fragment)
    return (url.scheme, url.hostname, port) if is_origin else None
