"""The systems under test. Each creates `count` runs that wait for a release, and describes how to read them."""

import http.client
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from tests.harness import parts
from tests.harness.facts import wait_until
from tests.harness.processes import Part, find_program
from tests.harness.upstream import Prompt, prompt

PORTION = 50  # runs that are started before their readers connect
END_SECONDS = 120.0  # s in which an overload has to come to an end
GET = "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
HAPROXY = """\
global
    nbthread 1
    maxconn 9000
defaults
    mode http
    maxconn 9000
    option http-no-delay
    http-reuse never
    timeout connect 10s
    timeout client 1h
    timeout server 1h
listen relay
    bind 127.0.0.1:{port} backlog 4096
    server upstream 127.0.0.1:{upstream}
"""


@dataclass
class Readings:
    """How to read runs: `[raw request, stream of a WebSocket]`, and what a connection receives when it is ready."""

    port: int
    requests: list[list[str]] = field(repr=False)
    ready: str


class System:
    """The default behaviour of a system."""

    name: str

    def start(self) -> None:
        """Start its parts and wait until they are up."""

    def stop(self) -> None:
        """Kill its parts."""

    def prepare(self, count: int, tag: str) -> Iterator[Readings]:
        """Start `count` runs that ask for answers of this tag; yield how to read them, portion by portion."""
        raise NotImplementedError

    def processes(self) -> dict[str, list[int]]:
        """Its process ids, by part: web, worker, valkey, postgres. Children are included."""
        return {}

    def at_full_load(self) -> None:
        """Called when all runs write, before the window begins."""

    def clear(self, held: bool) -> int:
        """Prepare the next level, after the answers were told to finish. Returns the number of runs that failed."""
        return 0


class Direct(System):
    """The upstream, read by the load generator directly: the cost of the rig itself."""

    name = "upstream, read directly"

    def __init__(self, upstream_port: int):
        self.port = upstream_port

    def prepare(self, count: int, tag: str) -> Iterator[Readings]:
        body = json.dumps(_body(prompt(tag=tag)))
        request = f"POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        yield Readings(self.port, [[request, ""]] * count, ready="role")


class Haproxy(Direct):
    """A relay in C: one proxied connection per run, on one thread."""

    name = "haproxy, a relay in C"

    def __init__(self, upstream_port: int, directory: Path, env: dict[str, str]):
        super().__init__(parts.free_port())
        path = directory / "haproxy.cfg"
        path.write_text(HAPROXY.format(port=self.port, upstream=upstream_port))
        self.part = Part("haproxy", [self.program(), "-db", "-f", str(path)], directory, env)

    @staticmethod
    def program() -> str | None:
        return find_program("haproxy", "/usr/sbin")

    def start(self) -> None:
        self.part.start()
        parts.wait_for_web(self.part, f"http://127.0.0.1:{self.port}")

    def processes(self) -> dict[str, list[int]]:
        return {"web": [self.part.pid]}

    def stop(self) -> None:
        self.part.kill()


class InMemory(System):
    """The manager of `in_memory.py`, which does everything in one process."""

    name = "in-memory manager on uvicorn"

    def __init__(self, upstream_port: int, directory: Path, env: dict[str, str]):
        self.upstream_port = upstream_port
        self.part, self.url = parts.make_web("uvicorn", directory, env, name="in-memory")
        self.part.argv[self.part.argv.index("chatapp.asgi:application")] = "tests.bench.in_memory:application"

    def start(self) -> None:
        self.part.start()
        parts.wait_for_web(self.part, self.url)

    def prepare(self, count: int, tag: str) -> Iterator[Readings]:
        url = f"http://127.0.0.1:{self.upstream_port}/v1/chat/completions"
        order = json.dumps({"url": url, "body": _body(prompt(tag=tag))})
        connection = http.client.HTTPConnection("127.0.0.1", _port(self.url))
        for portion in _portions(count):
            requests = []
            for _ in range(portion):
                connection.request("POST", "/runs", order)
                run = json.load(connection.getresponse())["run"]
                requests.append([GET.format(path=f"/runs/{run}/events", port=_port(self.url)) + "\r\n", ""])
            yield Readings(_port(self.url), requests, ready="text/event-stream")
        connection.close()

    def processes(self) -> dict[str, list[int]]:
        return {"web": [self.part.pid]}

    def clear(self, held: bool) -> int:
        """It keeps every run, so it is restarted."""
        self.stop()
        self.start()
        return 0

    def stop(self) -> None:
        self.part.kill()


class ThisSystem(System):
    """This system: runs sent by `runs.actions`, followed over server-sent events or over a WebSocket each.

    `worker` and `valkey` (and `postgres`) are those of the rig; the web server is its own. `forget` empties the tables.
    """

    def __init__(self, server: str, protocol: str, shared: dict[str, Part], web: Part, url: str, forget: Callable):
        self.name = f"chatapp, {server}, {protocol}"
        self.protocol, self.shared, self.web, self.url, self.forget = protocol, shared, web, url, forget
        self._run_ids: list = []

    def start(self) -> None:
        self.web.start()
        parts.wait_for_web(self.web, self.url)

    def prepare(self, count: int, tag: str) -> Iterator[Readings]:
        from tests.harness.people import Person

        person, say = Person(self.url, "alice"), prompt(tag=tag)
        for portion in _portions(count):
            runs = [self.send(person, say) for _ in range(portion)]
            self._run_ids += [run.pk for run in runs]
            yield Readings(_port(self.url), [self._request(person, str(run.pk)) for run in runs], ready="run.started")

    def send(self, person, say: Prompt):
        """A new run, sent by this process, so that the web server under test has nothing else to do."""
        from chatapp.chats.models import Session
        from runs.actions import send

        return send(Session.objects.create(owner=person.user), say, user=person.user, model="bench")

    def _request(self, person, run: str) -> list[str]:
        port = _port(self.url)
        if self.protocol == "SSE":
            head = GET.format(path=f"/api/v1/runs/{run}/events?after=0", port=port)
            return [f"{head}Authorization: Bearer {person.token}\r\nAccept: text/event-stream\r\n\r\n", ""]
        head = GET.format(path="/ws/streams", port=port) + UPGRADE
        return [f"{head}Origin: {self.url}\r\nCookie: {person.cookie_header['Cookie']}\r\n\r\n", run]

    def processes(self) -> dict[str, list[int]]:
        return {"web": [self.web.pid], **{name: [part.pid] for name, part in self.shared.items()}}

    def clear(self, held: bool) -> int:
        """Wait until all runs have completed, which takes a while after an overload."""
        from runs.models import Run
        from runs.states import Status

        runs = Run.objects.filter(pk__in=self._run_ids)
        wait_until(lambda: not runs.active().exists(), "all runs of the benchmark have ended", END_SECONDS)
        wrong = runs.exclude(status=Status.COMPLETED).count()
        self._run_ids = []
        self.forget()
        return wrong

    def stop(self) -> None:
        self.web.kill()


class Naive(System):
    """A row and a group_send for each chunk (`naive.py`), read over the WebSocket of its consumer."""

    def __init__(self, server: str, shared_loop: bool, rig):
        self.name = f"a row and a group_send per chunk, {'one event loop, ' if shared_loop else ''}{server}"
        self.rig, self.queue = rig, f"naive-{'loop' if shared_loop else 'call'}"
        # Without a pool, as Django comes: each task keeps a connection, and a pool of 10 would be used up by ten.
        env = rig.env | {"DATABASE_POOL": "0", "NAIVE_QUEUE": self.queue, "NAIVE_LOOP": "shared" if shared_loop else ""}
        self.web, self.url = parts.make_web(server, rig.directory, rig.env, name=f"{self.queue}-web")
        self.web.argv[self.web.argv.index("chatapp.asgi:application")] = "tests.bench.naive:application"
        argv = [sys.executable, "-m", "celery", "-A", "tests.bench.naive", "worker", "-P", "gevent", "-c", "1000"]
        argv += ["-l", "INFO", "--without-mingle", "--without-gossip", "-n", f"{self.queue}@%h"]
        self.worker = Part(f"{self.queue}-worker", argv, rig.directory, env)

    def start(self) -> None:
        self.web.start(), self.worker.start()
        parts.wait_for_web(self.web, self.url)
        parts.wait_for_worker(self.worker)

    def prepare(self, count: int, tag: str) -> Iterator[Readings]:
        from celery import Celery
        from django.conf import settings

        app = Celery("naive", broker=settings.CELERY_BROKER_URL)
        app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        streams = [str(uuid4()) for _ in range(count)]
        for stream in streams:
            order = [stream, "127.0.0.1", self.rig.source_port, _body(prompt(tag=tag))]
            app.send_task("tests.bench.naive.answer", order, queue=self.queue)
        app.close()
        head = lambda stream: GET.format(path=f"/naive/{stream}", port=_port(self.url)) + UPGRADE + "\r\n"  # noqa: E731
        yield Readings(_port(self.url), [[head(stream), ""] for stream in streams], ready="101 ")

    def processes(self) -> dict[str, list[int]]:
        shared = {"valkey": [self.rig.valkey.pid], "postgres": [self.rig.postgres.pid]}
        return {"web": [self.web.pid], "worker": [self.worker.pid], **shared}

    def clear(self, held: bool) -> int:
        """After an overload it would need minutes to finish: it is restarted."""
        if not held:
            self.stop()
            self.start()
        self.rig.forget()
        return 0

    def stop(self) -> None:
        self.worker.kill()
        self.web.kill()


def _body(say: Prompt) -> dict:
    return {"model": "bench", "stream": True, "messages": [{"role": "user", "content": say}]}


def _port(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


def _portions(count: int) -> list[int]:
    return [min(PORTION, count - start) for start in range(0, count, PORTION)]
