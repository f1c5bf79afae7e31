"""Web server, worker, broker, database and model server, each with its own address, as on five machines.

SQLite's file is on all of them, which only a test can arrange; PostgreSQL has its own machine.
"""

from contextlib import contextmanager

import pytest
from django.db import connection

from runs.states import Status
from tests.harness import parts
from tests.harness.check import check
from tests.harness.databases import PostgresDatabases
from tests.harness.network import Network
from tests.harness.plugin import chosen
from tests.harness.processes import temporary_directory
from tests.harness.stack import Stack, clean_env
from tests.harness.upstream import Upstream, prompt, spoken

pytestmark = [pytest.mark.alone, pytest.mark.long]  # the other modules do the same on loopback

ENV = {"LEASE_SECONDS": "2", "LEASE_RENEW_SECONDS": "0.5"}


@contextmanager
def database_at(host: str, port: int):
    """Let the ORM of the test's process use another PostgreSQL server."""
    before = {key: connection.settings_dict[key] for key in ("HOST", "PORT")}
    connection.close()
    connection.settings_dict |= {"HOST": host, "PORT": port}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict |= before


@pytest.fixture(scope="module")
def _network():
    network = Network(temporary_directory("network"))
    yield network
    network.close()


@pytest.fixture
def stack(request, _no_transaction, _network):
    """A stack whose parts reach each other over the network only."""
    hosts = {name: _network.add(name) for name in ("web", "worker", "valkey", "postgres", "upstream")}
    upstream, upstream_url = parts.make_upstream(temporary_directory("upstream"), clean_env(), hosts["upstream"])
    _network.move(upstream, "upstream").start()
    request.addfinalizer(upstream.kill)
    parts.wait_for_upstream(upstream)
    databases, elsewhere = request.config.stash[chosen], None
    if isinstance(databases, PostgresDatabases):
        databases = PostgresDatabases(temporary_directory("databases"), host=hosts["postgres"])
        _network.move(databases.part, "postgres")
        request.addfinalizer(databases.part.kill)
        elsewhere = hosts["postgres"], int(databases.base_url.rpartition(":")[2])
    stack = Stack("spread", databases, Upstream(upstream_url), hosts=hosts, ALLOWED_HOSTS=hosts["web"], **ENV)
    request.addfinalizer(stack.kill)
    for part, name in ((stack.valkey, "valkey"), (stack.web, "web"), (stack.worker, "worker"), (stack.beat, "worker")):
        _network.move(part, name)
    stack.start()
    if elsewhere is None:
        with stack.in_use():
            yield stack
    else:
        with database_at(*elsewhere), stack.in_use():
            yield stack


def test_an_answer_is_written_followed_stopped_and_lost_across_a_network(stack):  # B1 B12 B23 B28 B35 B36
    alice = stack.person("alice")
    assert "127.0.0.1" not in "".join((stack.url, stack.redis_url, stack.upstream.url))
    run = alice.send(prompt(tokens=30, rate=100))
    sse, socket = alice.follow(run), alice.follow_ws(run)
    run = check(run, sse, socket)
    assert (run.status, run.message.content) == (Status.COMPLETED, spoken(30))

    # Stop should reach the worker, and the model server see its socket close
    say = prompt(tokens=10, stall_after=4)
    run = alice.send(say)
    follower = alice.follow_ws(run).wait_for_text(spoken(4))
    assert alice.stop(run).status == 202
    assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"
    assert check(run, follower).status == Status.STOPPED

    # What was seen should survive the worker's machine
    run = alice.send(prompt(tokens=10, stall_after=5))
    follower = alice.follow(run).wait_for_text(spoken(5))
    stack.worker.kill()
    run = check(run, follower)
    assert (run.status, run.message.content) == (Status.LOST, spoken(5))
