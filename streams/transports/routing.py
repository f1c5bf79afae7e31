"""Where the WebSocket is, and what stands before it: the Origin must be ours. The session cookie says who it is.

Channels' own authentication is not used: at a handshake it would delete a session that waits for its hash to be
renewed while the secret key is rotated, and a log-in with it.
"""

from channels.routing import URLRouter
from channels.sessions import CookieMiddleware
from django.urls import path, re_path

from streams.transports.origin import SameOrigin
from streams.transports.websocket import stream_socket


async def reject(_scope, receive, send) -> None:
    """No WebSocket is served at this path: the handshake is refused with 403. Channels would raise, which is a 500."""
    await receive()  # websocket.connect
    await send({"type": "websocket.close"})


routes = URLRouter([path("ws/streams", stream_socket), re_path("", reject)])
websocket_application = SameOrigin(CookieMiddleware(routes))
