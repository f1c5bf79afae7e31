"""Replay of a long, ended, uncompacted stream: its speed, and the queries of its session's page."""

import socket
import statistics
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.bench.levels import Instruments
from tests.bench.systems import ThisSystem
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt

EVENTS = 100_000
FIRST_PAGE = 1_000  # events: what is read from the log at once
TIMES = 11  # odd: the median is one of them
READ_BYTES = 2**20
MARK_BYTES = 16  # more than `id: 1000`, which two reads may share


@dataclass
class Replay:
    """Medians, in seconds since the request; `opening_*` are those of the session's page."""

    events: int
    first_event: float
    first_page: float
    all: float
    opening: float
    opening_queries: int
    opening_log_queries: int  # of those, the ones that read the log


def measure(instruments: Instruments, system: ThisSystem) -> Replay:
    from tests.harness.people import Person

    alice = Person(system.url, "alice")
    run = _finished_run(instruments, alice)
    lengthen(run, EVENTS)
    read_over_sse(system.url, alice, run)  # once for the caches
    times = [read_over_sse(system.url, alice, run) for _ in range(TIMES)]
    first_event, first_page, everything = (statistics.median(column) for column in zip(*times, strict=True))
    page = f"/chats/{run.session_id}"
    opening = statistics.median(_time_of(lambda: _open(alice, page)) for _ in range(TIMES))
    queries = _queries_of(alice, page)
    log_queries = sum("streams_event" in query for query in queries)
    return Replay(EVENTS, first_event, first_page, everything, opening, len(queries), log_queries)


def _finished_run(instruments: Instruments, alice):
    from chatapp.chats.models import Session
    from runs.actions import send
    from runs.models import Run
    from runs.states import Status

    say = prompt(tag="replay")
    session = Session.objects.create(owner=alice.user)
    run = send(session, say, user=alice.user, model="bench")
    instruments.source.tell("wait", tag=say.tag, count=1)
    instruments.source.tell("release", tag=say.tag)
    instruments.crowd.tell("rest", seconds=0.5)
    instruments.source.tell("finish", tag=say.tag)
    wait_until(lambda: Run.objects.get(pk=run.pk).status == Status.COMPLETED, "the run has completed")
    return Run.objects.get(pk=run.pk)


def lengthen(run, events: int) -> None:
    """Rewrite a completed run so that its stream has `events` events."""
    from django.db import connection

    from streams.models import LoggedEvent

    final = LoggedEvent.objects.filter(stream=run.pk).order_by("-seq").first()
    LoggedEvent.objects.filter(stream=run.pk, seq__gt=2).delete()  # queued and started stay
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO streams_event (stream, seq, kind, data, at)"
            " SELECT %s, n, 'text.delta', '{\"text\":\"w' || n || ' \"}', now() FROM generate_series(3, %s) AS n",
            (run.pk, events - 1),
        )
        final.seq = events
        final.save(force_insert=True)
        cursor.execute("VACUUM ANALYZE streams_event")
    run.message.content = "".join(f"w{n} " for n in range(3, events))
    run.message.save(update_fields=["content"])
    run.last_seq = events
    run.save(update_fields=["last_seq"])


def read_over_sse(url: str, person, run) -> tuple[float, float, float]:
    """Seconds until the first event, the first page and all events arrived. Checks that none is missing."""
    address = urlsplit(url)
    request = f"GET /api/v1/runs/{run.pk}/events?after=0 HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n"
    request += f"Authorization: Bearer {person.token}\r\n\r\n"
    marks, found, pieces, tail = [b"id: 1\n", b"id: %d\n" % FIRST_PAGE], [], [], b""
    with socket.create_connection((address.hostname, address.port), timeout=60) as reader:
        began = time.monotonic()
        reader.sendall(request.encode())
        while data := reader.recv(READ_BYTES):
            pieces.append(data)
            while len(found) < len(marks) and marks[len(found)] in tail + data:
                found.append(time.monotonic() - began)
            tail = data[-MARK_BYTES:]
        everything = time.monotonic() - began
    heard = b"".join(pieces).count(b"id: ")
    assert heard == run.last_seq, f"{heard} of {run.last_seq} events were replayed"
    return found[0], found[1], everything


def _open(person, path: str) -> None:
    reply = person.page("GET", path)
    assert reply.status == 200, reply.status


def _time_of(act) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def _queries_of(person, path: str) -> list[str]:
    """The page's queries, counted in this process."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(person.user)
    with CaptureQueriesContext(connection) as captured:
        reply = client.get(path)
    assert reply.status_code == 200, reply.status_code
    return [query["sql"] for query in captured.captured_queries]
