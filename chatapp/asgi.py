"""The ASGI application: pages, API and SSE by Django; WebSockets by Channels."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter  # noqa: E402  (after django.setup)
from django.urls import get_resolver  # noqa: E402

from chatapp.middleware import daphne_bodies  # noqa: E402
from chatapp.middleware.bounded_bodies import BoundedBodies  # noqa: E402
from chatapp.observability import log_format, tracing  # noqa: E402
from chatapp.openai.socket import responses_socket  # noqa: E402
from streams.eventloop import SWITCH_SECONDS, tune_gc  # noqa: E402
from streams.transports.asgi import Handler  # noqa: E402
from streams.transports.routing import websocket_application  # noqa: E402

log_format.redact_access_log()
tracing.begin("chatapp-web")  # before the handler loads the middleware
websockets = websocket_application({"v1/responses": responses_socket})
application = ProtocolTypeRouter({"http": BoundedBodies(Handler()), "websocket": websockets})
daphne_bodies.install()

sys.setswitchinterval(SWITCH_SECONDS)

get_resolver().url_patterns  # noqa: B018  (loads all views, which otherwise the first request does)
tune_gc()
