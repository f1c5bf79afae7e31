"""The ASGI application: pages, API and SSE by Django; `/ws/streams` by Channels."""

import gc
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter  # noqa: E402  (after django.setup)
from django.urls import get_resolver  # noqa: E402

from chatapp import tracing  # noqa: E402
from streams.asgi import Handler  # noqa: E402
from streams.loop import SWITCH_SECONDS  # noqa: E402
from streams.routing import websocket_application  # noqa: E402

tracing.begin("chatapp-web")  # before the handler loads the middleware
application = ProtocolTypeRouter({"http": Handler(), "websocket": websocket_application})

sys.setswitchinterval(SWITCH_SECONDS)

# What is loaded now stays: looking through it for garbage holds up all followers for a tenth of a second.
get_resolver().url_patterns  # noqa: B018  (loads all views, which otherwise the first request does)
gc.freeze()
