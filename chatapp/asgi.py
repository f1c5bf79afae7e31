"""The ASGI application: pages, API and SSE by Django; `/ws/streams` by Channels."""

import gc
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter  # noqa: E402  (after django.setup)

from streams.asgi import Handler  # noqa: E402
from streams.routing import websocket_application  # noqa: E402

application = ProtocolTypeRouter({"http": Handler(), "websocket": websocket_application})

gc.freeze()  # what is loaded now stays: looking through it for garbage costs a page of history a fifth of its time
