"""The WebSocket's path and what a handshake must pass: its Origin. A session cookie or a token says whose it is.

Channels' own authentication is not used: at a handshake it would delete a session whose hash is due for renewal while
the secret key is rotated, and a log-in with it.
"""

from collections.abc import Mapping
from typing import Any, cast

from channels.routing import URLRouter
from channels.sessions import CookieMiddleware
from django.urls import path, re_path

from streams.transports.asgi_types import Application, Receive, Scope, Send
from streams.transports.origin import SameOrigin
from streams.transports.websocket import stream_socket


async def reject(_scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse the handshake with 403: no WebSocket is served at this path. Channels would raise, which is a 500."""
    await receive()  # websocket.connect
    await send({"type": "websocket.close"})


def websocket_application(others: Mapping[str, Application]) -> Application:
    """The application for all WebSockets; `others` by their paths."""
    # Django's `path` is typed for views, Channels' router takes ASGI applications.
    served = {"ws/streams": stream_socket, **others}
    routes = [path(route, cast(Any, application)) for route, application in served.items()]
    return SameOrigin(CookieMiddleware(URLRouter([*routes, re_path("", cast(Any, reject))])))
