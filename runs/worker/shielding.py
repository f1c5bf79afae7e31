"""Database work of a task that a Stop must not cut in two, and the end of a run that must not get lost.

A greenlet that is killed while it waits for a pooled connection takes that connection with it for good (psycopg's pool
gives it back on `Exception` only); a few Stops at once would leave a worker without any. So what a task does with the
database happens in a greenlet of its own, which no revoke knows. On prefork there is no pool
(`runs/worker/bootstrap.py`).
"""

import logging
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from streams.gevent_compat import is_gevent

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0  # s between tries to write a run's end while the database is away


def shielded(function: Callable, *args: Any) -> Any:
    """Call `function(*args)` with a database connection that is given back afterwards; return its result.

    If the caller is interrupted meanwhile (GreenletExit), the function goes on to its end.
    """
    if not is_gevent():
        return _call(function, args)
    import gevent

    outcome: list = []
    in_context = copy_context().run  # log lines say which run and request they belong to
    gevent.spawn(in_context, _keep_outcome, outcome, function, args).join()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def _keep_outcome(outcome: list, function: Callable, args: tuple) -> None:
    try:
        outcome.append((_call(function, args), None))
    except Exception as error:
        outcome.append((None, error))


def _call(function: Callable, args: tuple) -> Any:
    try:
        return function(*args)
    finally:
        connection.close()


def persist(move: Callable, run_id: UUID, *args: object) -> None:
    """Make a final move, however long the database is away: the lease holds the run as long as this process lives."""
    shielded(_try_until_it_answers, move, run_id, args)


def _try_until_it_answers(move: Callable, run_id: UUID, args: tuple) -> None:
    while True:
        try:
            move(run_id, *args)
            return
        except (OperationalError, InterfaceError):
            logger.exception("the end of run %s could not be saved, trying again", run_id)
            connection.close()
            time.sleep(RETRY_SECONDS)
