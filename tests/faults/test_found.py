"""What the campaign has found, each told as a test of its own. The stories are in docs/reliability.md."""

from contextlib import contextmanager

import pytest
from django.db import connection

from tests.harness.check import check
from tests.harness.upstream import prompt


@contextmanager
def _log_away():
    """While this lasts, nobody can read the log."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE streams_event RENAME TO streams_event_away")
        try:
            yield
        finally:
            cursor.execute("ALTER TABLE streams_event_away RENAME TO streams_event")


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_socket_whose_stream_can_not_be_read_is_closed(make_stack, server):  # B10 B34
    """It was told 1011, which daphne refuses to send; the reader sat before an open socket that had forgotten him."""
    stack = make_stack(server=server)
    alice = stack.person("alice")
    run = check(alice.send(prompt(tokens=3)))
    with _log_away():
        socket = alice.follow_ws(run).wait_for_end()
    assert (socket.envelopes, socket.close_code) == ([], 4500)
    check(run, alice.follow_ws(run))
