"""The ASGI application: pages, API and SSE by Django; `/ws/streams` by Channels."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter  # noqa: E402  (after django.setup)

from streams.asgi import Handler  # noqa: E402
from streams.routing import websocket_application  # noqa: E402

application = ProtocolTypeRouter({"http": Handler(), "websocket": websocket_application})
