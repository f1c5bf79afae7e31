"""Which tests `make test` tries where. Each is tried somewhere: one that isn't is an error, not a test left out.

There are two lanes, one a database; the Makefile runs each in two steps, `not alone` and `alone`.

* What needs no database, and pages in a browser, once, on SQLite.
* What needs a database, but no real processes, on both.
* What takes real processes, on PostgreSQL, with each pool that it is made for: gevent on PostgreSQL, with a pool of
  connections, is what production uses. What is tried with each pool is tried with gevent on SQLite, too, which is what
  `make run` uses; so is what is marked `each_database`.
"""

import os

import pytest

STACK_FIXTURES = {"stack", "stack_prefork", "each_stack", "make_stack"}
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup", *STACK_FIXTURES}
LANES = frozenset({"sqlite", "postgres"})
LEFT_OUT = {"sqlite": ("prefork", None), "postgres": ()}  # pools of tests with real processes


def lanes_of(item: pytest.Item, *, is_matrix: bool = False) -> frozenset[str]:
    """The databases that a test is tried on. `is_matrix`: with each pool on each database."""
    if not _needs_database(item) or item.get_closest_marker("browser"):
        return frozenset({"sqlite"})
    if item.get_closest_marker("one_database"):
        return frozenset({"postgres"} if is_stack(item) else {"sqlite"})
    if is_matrix or not is_stack(item) or item.get_closest_marker("each_database"):
        return LANES
    pool = _pool_of(item)
    return frozenset(database for database in LANES if pool not in LEFT_OUT[database])


def is_stack(item: pytest.Item) -> bool:
    """Whether it takes real processes."""
    return bool(STACK_FIXTURES & set(getattr(item, "fixturenames", ())))


def _needs_database(item: pytest.Item) -> bool:
    names = set(getattr(item, "fixturenames", ()))
    return bool(names & DATABASE_FIXTURES) or item.get_closest_marker("django_db") is not None


def _pool_of(item: pytest.Item) -> str | None:
    """The pool that a test was made for, if it is tried with several."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return parameters.get("pool", parameters.get("each_stack"))


def is_ci() -> bool:
    return os.environ.get("CI") == "true"
