"""Where the WebSocket is, and what stands before it: the Origin must be ours. The session cookie says who it is.

Channels' own authentication is not used: at a handshake it would delete a session that waits for its hash to be
renewed while the secret key is rotated, and a log-in with it.
"""

from channels.routing import URLRouter
from channels.sessions import CookieMiddleware
from django.urls import path

from streams.consumers import stream_socket
from streams.origin import SameOrigin

websocket_application = SameOrigin(CookieMiddleware(URLRouter([path("ws/streams", stream_socket)])))
