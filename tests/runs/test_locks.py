"""Two who change the same session at the same moment: one waits, and neither fails. PostgreSQL locks single rows."""

from threading import Thread

import pytest
from django.db import connection, transaction

from chatapp.chats.models import Session
from runs import actions
from runs.errors import TooManyRuns
from runs.lifecycle import transitions
from runs.lifecycle.start import lock_session
from runs.models import Run
from runs.states import Status, StopReason
from tests.harness.facts import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker_takes_all"),
]


@pytest.fixture
def broker_takes_all(monkeypatch):
    monkeypatch.setattr("runs.lifecycle.dispatch.start", lambda run_id, task_id: None)
    monkeypatch.setattr("runs.lifecycle.dispatch.revoke", lambda task_id: None)


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


def _meanwhile(move) -> Thread:
    """Begin a move in another connection; returns when it has to wait for the caller's transaction."""

    def run() -> None:
        try:
            move()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    if connection.vendor == "postgresql":  # SQLite lets nobody begin, so there is nothing to see
        wait_until(_somebody_waits, "the other one waits for this transaction")
    return thread


def test_a_run_that_ends_while_it_is_replaced_ends(send, claim, session, alice):  # B17
    # It took its own row, then waited for its session; who replaced it had taken them the other way round: a deadlock
    # that ended either the request or, worse, the run's final move.
    run = claim(send("one"))
    with transaction.atomic():
        lock_session(session.id)
        ended = _meanwhile(lambda: transitions.complete(run.id, "stop"))
        actions.answer_again(run.message, user=alice)
    ended.join()
    run.refresh_from_db()
    assert (run.status, run.stop_reason) == (Status.COMPLETED, StopReason.REPLACED)


def test_a_run_that_begins_while_it_is_replaced_is_stopped(send, claim, session, alice):  # B17
    run = send("one")
    with transaction.atomic():
        lock_session(session.id)
        begun = _meanwhile(lambda: claim(run))
        actions.send(session, "two", user=alice, when_busy="replace")
    begun.join()
    run.refresh_from_db()
    assert (run.status, run.reason) == (Status.STOPPED, StopReason.REPLACED)


def test_two_sessions_of_a_user_share_one_limit(session, alice, model, settings):  # B57
    settings.USER_MAX_RUNS = 1
    other, refused = Session.objects.create(owner=alice), []

    def send_too() -> None:
        try:
            actions.send(other, "two", user=alice)
        except TooManyRuns as error:
            refused.append(error)

    with transaction.atomic():
        actions.send(session, "one", user=alice)
        second = _meanwhile(send_too)
    second.join()
    assert (len(refused), Run.objects.count()) == (1, 1)
