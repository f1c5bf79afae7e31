"""The WebSocket's path and what a handshake must pass: its Origin. A session cookie or a token says whose it is.

Channels' own authentication is not used: at a handshake it would delete a session whose hash is due for renewal while
the secret key is rotated, and a log-in with it.
"""

from typing import Any, cast

from channels.routing import URLRouter
from channels.sessions import CookieMiddleware
from django.urls import path, re_path

from streams.transports.asgi_types import Receive, Scope, Send
from streams.transports.origin import SameOrigin
from streams.transports.websocket import stream_socket


async def reject(_scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse the handshake with 403: no WebSocket is served at this path. Channels would raise, which is a 500."""
    await receive()  # websocket.connect
    await send({"type": "websocket.close"})


# Django's `path` is typed for views, Channels' router takes ASGI applications.
routes = URLRouter([path("ws/streams", cast(Any, stream_socket)), re_path("", cast(Any, reject))])
websocket_application = SameOrigin(CookieMiddleware(routes))
