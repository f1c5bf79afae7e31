"""Database work of a task, shielded from a Stop, and the end of a run, saved even if the database is unavailable.

A greenlet that is killed while it waits for a pooled connection leaks that connection: psycopg's pool takes it back on
`Exception` only. A few simultaneous Stops would leave a worker without connections. So a task uses the database in a
separate greenlet, which a revoke does not interrupt. On prefork there is no pool (`runs/worker/bootstrap.py`).
"""

import logging
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeVar, cast
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from streams.gevent_compat import is_gevent

logger = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_SECONDS = 1.0  # s between attempts to save a run's end while the database is away


def run_shielded(function: Callable[..., T], *args: Any) -> T:
    """Call `function(*args)`, close the database connection afterwards, and return the result.

    If the caller is interrupted meanwhile (GreenletExit), the function still runs to its end.
    """
    if not is_gevent():
        return _call(function, args)
    import gevent

    outcome: list[tuple[T | None, Exception | None]] = []
    in_context = copy_context().run  # log lines name the run and the request they belong to
    gevent.spawn(in_context, _store_outcome, outcome, function, args).join()
    result, error = outcome[0]
    if error is not None:
        raise error
    return cast(T, result)


def _store_outcome(
    outcome: list[tuple[T | None, Exception | None]], function: Callable[..., T], args: tuple[Any, ...]
) -> None:
    try:
        outcome.append((_call(function, args), None))
    except Exception as error:
        outcome.append((None, error))


def _call(function: Callable[..., T], args: tuple[Any, ...]) -> T:
    try:
        return function(*args)
    finally:
        connection.close()


def persist(transition: Callable[..., object], run_id: UUID, *args: object) -> None:
    """Make a final transition, however long the database is away. This process's lease protects the run meanwhile."""
    run_shielded(_retry_until_saved, transition, run_id, args)


def _retry_until_saved(transition: Callable[..., object], run_id: UUID, args: tuple[object, ...]) -> None:
    while True:
        try:
            transition(run_id, *args)
            return
        except (OperationalError, InterfaceError):
            logger.exception("the end of run %s could not be saved, trying again", run_id)
            connection.close()
            time.sleep(RETRY_SECONDS)
