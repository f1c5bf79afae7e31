"""The straightforward implementation, for comparison: a task writes a row and does a group_send per chunk.

It follows the usual tutorials, on the same Celery pool, tables, channel layer and web server as this system.
It needs two things to work with gevent at all: Django's guard against asyncio has to be switched off
(`DJANGO_ALLOW_ASYNC_UNSAFE`), and only one greenlet at a time may be inside `async_to_sync`, since they share one
thread. `async_to_sync` makes a new event loop, and with it a new connection to Valkey, for each call.
NAIVE_LOOP=shared is the optimised variant: one event loop in a native thread does all sending, and no task waits for
it.
"""

import http.client
import json
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

import django

django.setup()

from asgiref.sync import async_to_sync  # noqa: E402
from celery import Celery  # noqa: E402
from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402
from gevent.lock import RLock  # noqa: E402

from streams.eventloop import loop_thread  # noqa: E402
from streams.models import LoggedEvent  # noqa: E402

app = Celery("naive", broker=settings.CELERY_BROKER_URL)
app.conf.update(
    task_ignore_result=True,
    task_default_queue=os.environ.get("NAIVE_QUEUE", "naive"),
    broker_transport_options=settings.CELERY_BROKER_TRANSPORT_OPTIONS,
)
one_at_a_time = RLock()


@app.task
def answer(stream: str, host: str, port: int, body: dict) -> None:
    connection = http.client.HTTPConnection(host, port)
    connection.request("POST", "/v1/chat/completions", json.dumps(body))
    seq = 0
    for line in connection.getresponse():
        if not line.startswith(b"data: {"):
            continue
        chunk = json.loads(line[6:])
        if not chunk["choices"] or not chunk["choices"][0]["delta"].get("content"):
            continue
        seq += 1
        save_and_send(stream, seq, {"text": chunk["choices"][0]["delta"]["content"]})
    connection.close()


def save_and_send(stream: str, seq: int, data: dict) -> None:
    LoggedEvent.objects.create(stream=stream, seq=seq, kind="text.delta", data=json.dumps(data), at=timezone.now())
    group, message = f"naive.{stream}", {"type": "chunk", "seq": seq, "data": data}
    if os.environ.get("NAIVE_LOOP") == "shared":
        thread = loop_thread()
        thread.call(lambda: thread.spawn(get_channel_layer().group_send(group, message)))
        return
    with one_at_a_time:
        async_to_sync(get_channel_layer().group_send)(group, message)


class Consumer(AsyncWebsocketConsumer):
    async def connect(self):
        self.group = f"naive.{self.scope['url_route']['kwargs']['stream']}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def chunk(self, event):
        await self.send(text_data=json.dumps({"seq": event["seq"], "data": event["data"]}))


application = ProtocolTypeRouter({"websocket": URLRouter([path("naive/<uuid:stream>", Consumer.as_asgi())])})
