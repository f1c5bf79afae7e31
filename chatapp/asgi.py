"""The ASGI application: pages, API and SSE by Django; `/ws/streams` by Channels."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter  # noqa: E402  (after django.setup)
from django.urls import get_resolver  # noqa: E402

from chatapp import log_lines, tracing  # noqa: E402
from chatapp.bodies import daphne  # noqa: E402
from chatapp.bodies.bounded import BoundedBodies  # noqa: E402
from streams.asgi import Handler  # noqa: E402
from streams.loop import SWITCH_SECONDS, look_for_garbage_seldom  # noqa: E402
from streams.routing import websocket_application  # noqa: E402

log_lines.redact_access_log()
tracing.begin("chatapp-web")  # before the handler loads the middleware
application = ProtocolTypeRouter({"http": BoundedBodies(Handler()), "websocket": websocket_application})
daphne.install()

sys.setswitchinterval(SWITCH_SECONDS)

get_resolver().url_patterns  # noqa: B018  (loads all views, which otherwise the first request does)
look_for_garbage_seldom()
