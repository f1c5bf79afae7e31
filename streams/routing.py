"""Where the WebSocket is, and what stands before it: the Origin must be ours, the session cookie says who it is."""

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from streams.consumers import stream_socket

websocket_application = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter([path("ws/streams", stream_socket)])))
