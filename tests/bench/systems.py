"""The three systems under test. Each makes `count` runs that wait for a release, and says how to read them."""

import itertools
import json
import os
import sys
from dataclasses import dataclass, field
from uuid import uuid4

from tests.bench.rig import Rig
from tests.harness import parts
from tests.harness.facts import wait_until
from tests.harness.processes import Part
from tests.harness.upstream import Prompt, prompt

RATE = 20  # tokens a second of one run
_numbers = itertools.count(1)


@dataclass
class Readings:
    """How the load generator reads the prepared runs: raw requests, and what it hears when it is ready."""

    port: int
    requests: list[str] = field(repr=False)
    ready: str


def paced_prompt(tokens: int) -> Prompt:
    """A message whose answer waits for a release and then comes at RATE, every token stamped."""
    script = {"rate": RATE, "stamp": True, "jitter": True, "hold": [0]}
    return prompt(tokens=tokens, **script, tag=f"bench-{os.getpid()}-{next(_numbers)}")


def _port(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


class Direct:
    """The upstream, read by the load generator without anything between: what the rig itself costs."""

    name = "upstream, read directly"

    def __init__(self, rig: Rig):
        self.rig, self.web, self.worker = rig, None, None

    def start(self) -> None:
        """There is nothing to start."""

    def prepare(self, count: int, say: Prompt) -> Readings:
        body = json.dumps(_body(say))
        request = f"POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        return Readings(_port(self.rig.upstream.url), [request] * count, ready="role")

    def clear(self) -> None:
        """The upstream notices by itself that its clients have gone."""

    def stop(self) -> None:
        """Nothing was started."""


class ThisSystem:
    """This system: runs sent by `runs.actions`, followed over server-sent events."""

    def __init__(self, rig: Rig, server: str, worker: Part):
        self.rig, self.name, self.worker = rig, f"chatapp on {server}", worker
        self.web, self.url = parts.make_web(server, rig.directory, rig.env, name=f"web-{server}")

    def start(self) -> None:
        from tests.harness.people import Person

        self.web.start()
        parts.wait_for_web(self.web, self.url)
        self.person = Person(self.url, "alice")

    def prepare(self, count: int, say: Prompt) -> Readings:
        from chatapp.chats.models import Session
        from runs.actions import send

        user = self.person.user
        runs = [send(Session.objects.create(owner=user), say, user=user) for _ in range(count)]
        head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {self.person.token}\r\nAccept: text/event-stream\r\n\r\n"
        requests = [f"GET /api/v1/runs/{run.pk}/events?after=0 HTTP/1.1\r\n{head}" for run in runs]
        self.rig.upstream.wait(say.tag, "stalled", count)
        return Readings(_port(self.url), requests, ready="run.started")

    def clear(self) -> None:
        """Wait for the runs to end; an overload takes a while."""
        from runs.models import Run

        wait_until(lambda: not Run.objects.active().exists(), "all runs of the benchmark have ended", 120)

    def stop(self) -> None:
        self.web.kill()


class Naive:
    """A row and a group_send for each chunk (`naive.py`), read over the WebSocket of its consumer, on daphne."""

    def __init__(self, rig: Rig, shared_loop: bool):
        self.rig = rig
        self.name = "a row and a group_send per chunk" + (", one event loop" if shared_loop else "")
        # Without a pool, as Django comes: each task keeps a connection, and a pool of 10 would be used up by ten.
        env = rig.env | {"DATABASE_POOL": "0"} | ({"NAIVE_LOOP": "shared"} if shared_loop else {})
        port = parts.free_port()
        self.url = f"http://127.0.0.1:{port}"
        argv = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "tests.bench.naive:application"]
        self.web = Part("naive-web", argv, rig.directory, rig.env)
        argv = [sys.executable, "-m", "celery", "-A", "tests.bench.naive", "worker", "-P", "gevent", "-c", "1000"]
        argv += ["-l", "INFO", "--without-mingle", "--without-gossip", "-n", "naive@%h"]
        self.worker = Part("naive-worker", argv, rig.directory, env)

    def start(self) -> None:
        self.web.start(), self.worker.start()
        parts.wait_for_web(self.web, self.url)
        parts.wait_for_worker(self.worker)

    def prepare(self, count: int, say: Prompt) -> Readings:
        from celery import Celery
        from django.conf import settings

        app = Celery("naive", broker=settings.CELERY_BROKER_URL)
        app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        streams = [str(uuid4()) for _ in range(count)]
        port = _port(self.rig.upstream.url)
        for stream in streams:
            app.send_task("tests.bench.naive.answer", [stream, "127.0.0.1", port, _body(say)], queue="naive")
        app.close()
        self.rig.upstream.wait(say.tag, "stalled", count)
        head = "Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        head += "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        requests = [f"GET /naive/{stream} HTTP/1.1\r\n{head}" for stream in streams]
        return Readings(_port(self.url), requests, ready="101 ")

    def clear(self) -> None:
        """Begin anew: what is overloaded takes minutes to come to an end."""
        self.stop()
        self.start()

    def stop(self) -> None:
        self.worker.kill()
        self.web.kill()


def _body(say: Prompt) -> dict:
    return {"model": "scripted", "stream": True, "messages": [{"role": "user", "content": say}]}
