"""An upstream that floods ends its own run, and does not delay others."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from runs.models import Model, Provider, Worker
from runs.states import Status
from tests.harness.check import check, wait_for_end
from tests.harness.upstream import prompt, spoken
from tests.runs.loopback import CHUNKED, END, HEAD, chunks
from tests.runs.test_bounded_work import Flood


def test_a_flood_of_empty_lines_ends_its_own_run_and_costs_nobody_the_lease(stack):  # B68
    """59 MB of `data:` lines blocked the worker's loop until its lease ran out, and another user's run was lost."""
    alice, bob = stack.person("alice"), stack.person("bob")
    calm = bob.send(prompt(tokens=60, rate=20))
    with Flood(HEAD + b"\r\n", b"data:\n" * 10_000, 980) as upstream:
        provider = Provider.objects.create(name="flood", base_url=upstream.url.removesuffix("/chat/completions"))
        Model.objects.create(name="flood", label="Flood", provider=provider, upstream_id="x")
        hostile = check(alice.send("Flood.", model="flood"))
    assert (hostile.status, hostile.code) == (Status.FAILED, "upstream_too_large")
    calm = check(calm)
    assert (calm.status, calm.message.content) == (Status.COMPLETED, spoken(60))
    assert Worker.objects.filter(pk__in=[calm.worker_id, hostile.worker_id]).count() == 1


@contextmanager
def held(large: bytes, connections: int) -> Iterator[str]:
    """The URL of an upstream that sends all but the end of a large event on each connection, then all the ends."""
    together = threading.Barrier(connections)

    def serve(connection: socket.socket) -> None:
        with connection:
            connection.recv(65_536)
            connection.sendall(CHUNKED + chunks(large, [60_000])[:-5])
            together.wait(60)
            connection.sendall(chunks(b"\n\n" + END, [100]))
            connection.recv(1)

    def accept() -> None:
        for _ in range(connections):
            threads.append(threading.Thread(target=serve, args=[listener.accept()[0]]))
            threads[-1].start()

    listener, threads = socket.create_server(("127.0.0.1", 0)), []
    threads.append(threading.Thread(target=accept))
    threads[0].start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        for thread in threads:
            thread.join(60)
        listener.close()
    assert not any(thread.is_alive() for thread in threads)


def test_large_events_that_end_at_once_are_answers_and_cost_nobody_the_lease(start_worker):  # B68
    """Sixteen events of 4 MB blocked the worker's loop for the 8 s of a lease, and another user's run was lost."""
    stack = start_worker("gevent", LEASE_SECONDS="4", LEASE_RENEW_SECONDS="1")  # half as long, for half as many
    alice, bob = stack.person("alice"), stack.person("bob")
    calm = bob.send(prompt(tokens=60, rate=10))
    large = b'data: {"choices":[{"delta":{"content":"%b"}}]}' % (rb"\\" * 1_990_000 + rb"\ud800")
    with held(large, 8) as url:
        provider = Provider.objects.create(name="held", base_url=url)
        Model.objects.create(name="held", label="Held", provider=provider, upstream_id="x")
        hostile = [alice.send("Speak.", model="held") for _ in range(8)]
        hostile = [wait_for_end(run) for run in hostile]
    assert {run.status for run in hostile} == {Status.COMPLETED}, [run.code for run in hostile]
    assert {(len(run.message.content), run.message.content[-2:]) for run in hostile} == {(1_990_001, "\\\ufffd")}
    calm = check(calm)
    assert (calm.status, calm.message.content) == (Status.COMPLETED, spoken(60))
