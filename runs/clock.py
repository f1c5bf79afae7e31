"""The database's clock: times that one process writes and another one compares are by this one (B87).

Machines' clocks differ, and jump. SQLite runs in the process itself, on one machine, so its clock is the process's own.
"""

from datetime import datetime
from typing import cast

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone


def now() -> datetime:
    """The time of a query, for its conditions and the values that it writes; `now() + timedelta(…)` is one, too.

    On PostgreSQL it is an expression, which costs no query of its own. `read` returns a time to calculate with.
    """
    return timezone.now() if connection.vendor == "sqlite" else cast("datetime", Now())


def read() -> datetime:
    """What the clock shows. A query, except on SQLite."""
    if connection.vendor == "sqlite":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cast("datetime", cursor.fetchone()[0])
