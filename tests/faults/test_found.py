"""What the campaign has found, each told as a test of its own. The stories are in docs/reliability.md."""

from contextlib import contextmanager

import pytest
from django.db import connection

from runs.states import LostReason, Status
from tests.harness.check import check
from tests.harness.stack import WITHOUT_BEAT
from tests.harness.upstream import prompt, spoken

QUICK_LEASE = {"LEASE_SECONDS": "1.5", "LEASE_RENEW_SECONDS": "0.5", "STREAMS_SWEEP_SECONDS": "0.5"}


@contextmanager
def _away(table: str):
    """While this lasts, whoever reads or writes this table fails."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
        try:
            yield
        finally:
            cursor.execute(f"ALTER TABLE {table}_away RENAME TO {table}")


@pytest.mark.parametrize("server", ["daphne", pytest.param("uvicorn", marks=pytest.mark.long)])
def test_a_socket_whose_stream_can_not_be_read_is_closed(make_stack, server):  # B10 B34
    """It was told 1011, which daphne refuses to send; the reader sat before an open socket that had forgotten him."""
    stack = make_stack(WITHOUT_BEAT, server=server)
    alice = stack.person("alice")
    run = check(alice.send(prompt(tokens=3)))
    with _away("streams_event"):
        socket = alice.follow_ws(run).wait_for_end()
    assert (socket.envelopes, socket.close_code) == ([], 4500)
    check(run, alice.follow_ws(run))


@pytest.mark.parametrize("server", ["daphne", pytest.param("uvicorn", marks=pytest.mark.long)])
def test_a_reader_whose_connection_can_not_be_looked_after_is_sent_away_and_comes_back(make_stack, server):  # B10 B34
    """An exception in a response that had begun: daphne could not answer 500 any more, left the connection open, and
    by its own exception stopped looking after all connections. On a socket only the watch ended, unnoticed."""
    stack = make_stack(WITHOUT_BEAT, server=server, STREAMS_HEARTBEAT_SECONDS="0.3")
    alice = stack.person("alice")
    say = prompt(tokens=6, hold=[3])
    run = alice.send(say)
    readers = [alice.follow(run), alice.follow_page(run), alice.follow_ws(run)]
    for reader in readers:
        reader.wait_for_text(spoken(3))
    with _away("auth_user"):
        for reader in readers:
            reader.wait_for_end()
    assert (readers[-1].close_code, [reader.final for reader in readers]) == (4500, [None] * 3)
    back = [alice.follow(run, readers[0].last_seq), alice.follow_ws(run, readers[-1].last_seq)]
    stack.upstream.release(say.tag)
    check(run, *back)


@pytest.mark.parametrize("pool", ["gevent", "prefork"])
def test_a_worker_that_was_suspended_lets_go_of_a_silent_upstream(make_stack, pool):  # B12
    """Nothing came that it could have tried to write, so nothing told it that its run had been given up."""
    stack = make_stack(pool=pool, **QUICK_LEASE)
    alice = stack.person("alice")
    say = prompt(tokens=10, stall_after=4)
    run = alice.send(say)
    follower = alice.follow(run).wait_for_text(spoken(4))
    stack.worker.suspend()
    run = check(run, follower)
    assert (run.status, run.reason) == (Status.LOST, LostReason.LEASE)
    stack.worker.resume()
    assert stack.upstream.wait(say.tag, "closed")["ended"] == "closed by client"


def test_the_next_send_works_at_once_when_the_database_has_cut_all_connections(make_stack):  # B49
    """The pool handed out what the database had closed: a 500 for each of its connections, and failed answers."""
    stack = make_stack(WITHOUT_BEAT)
    alice = stack.person("alice")
    check(alice.send(prompt(tokens=3)))
    if connection.vendor == "postgresql":  # SQLite has none that could be cut
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
    assert check(alice.send(prompt(tokens=3))).status == Status.COMPLETED
