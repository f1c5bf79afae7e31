"""Which tests are tried where: `pytest --lane=push --database=postgres`, and the other three (docs/testing.md).

A lane is tried on both databases, at the same time. Without `--lane` nothing is left out: what you name is tried,
on the database that you choose. Each test is tried somewhere: one that isn't is an error, not a test left out.

`push`, what people wait for (`make test`):
* What needs no database, and pages in a browser, once, on SQLite.
* What needs a database, but no real processes, on PostgreSQL; on both where SQL of our own or locks matter: the log,
  the moves of runs, search, due schedules, and whatever commits instead of rolling back. `tests/edges` commits only so
  that readers of streams see its rows, and looks in each statement for what either database could not hold: once, as
  what is beside the moves of runs: the admin's pages, probes, requests, titles, quotas.
* What takes real processes, with gevent on PostgreSQL, which production uses, and what is made for each pool with
  prefork on SQLite, too. What is marked `each_database` on both.
* Pages in Chromium, and those marked `each_engine` in Firefox, too: what a person does every day, once.
* Nothing that is marked `long`. Beside the mark stands what proves the same, or nearly, in this lane.

`all` (`make test-all`): everything, each pool on each database; pages in Chromium
and Firefox, and `IN_WEBKIT` in WebKit.
"""

import os

import pytest

STACK_FIXTURES = {"stack", "stack_prefork", "each_stack", "make_stack", "start_worker"}
COMMITTING_FIXTURES = {"transactional_db", "live_server"}
DATABASE_FIXTURES = {"db", "django_db_setup", *COMMITTING_FIXTURES, *STACK_FIXTURES}
DATABASES = frozenset({"sqlite", "postgres"})
BROWSER_TESTS, BROWSER_DATABASE = "tests/browser", "sqlite"  # where they are, and which database they are tried on
ENGINES = ("chromium", "firefox", "webkit")
DATABASE_OF_POOL = {"gevent": "postgres", "prefork": "sqlite"}
IN_WEBKIT = tuple(  # seen to pass there; this list grows
    f"tests/browser/test_{name}.py"
    for name in (
        *("chat", "answers", "composer", "log_in", "queue", "schedules", "search", "models", "branches"),
        *("interruptions", "bounds", "cut_sockets", "html", "back_forward_cache", "admin", "weight"),
    )
)
BOTH = ("tests/streams/", "tests/runs/", "tests/web/test_search", "tests/schedules/test_firing")
ONCE = (
    "tests/edges/",
    "tests/ops/test_back_one_version.py",
    *(
        f"tests/runs/test_{name}.py"
        for name in ("admin", "admin_acts", "admin_questions", "capabilities", "key_storage")
    ),
    *(
        f"tests/runs/test_{name}.py"
        for name in ("long_chats", "probe", "profiles", "quota", "request", "summaries", "titles")
    ),
)


def databases_of(item: pytest.Item, lane: str) -> frozenset[str]:
    """The databases that this test is tried on in a lane; none if the lane leaves it out."""
    if lane == "push" and item.get_closest_marker("long"):
        return frozenset()
    if not _needs_database(item) or item.get_closest_marker("browser"):
        return frozenset({BROWSER_DATABASE})
    return _databases_of_stack(item, lane) if is_stack(item) else _databases_of_rows(item, lane)


def engines_of(item: pytest.Item, lane: str) -> list[str]:
    """The engines in which a lane tries a test of pages. Pictures are only taken in one."""
    if item.get_closest_marker("pictures"):
        return ["chromium"]
    if lane == "all":
        return [engine for engine in ENGINES if engine != "webkit" or item.nodeid.startswith(IN_WEBKIT)]
    return ["chromium", "firefox"] if item.get_closest_marker("each_engine") else ["chromium"]


def scope_of(nodeid: str, lane: str | None) -> str:
    """Tests of one scope stay in one process: those of a module, and in the push lane all that Firefox runs.

    A start of Firefox costs as much CPU time as two of its tests.
    """
    if lane == "push" and "[firefox" in nodeid:
        return "firefox"
    return nodeid.rpartition("::")[0]


def _databases_of_rows(item: pytest.Item, lane: str) -> frozenset[str]:
    if item.get_closest_marker("one_database"):
        return frozenset({"sqlite"})
    matters = (_commits(item) or item.nodeid.startswith(BOTH)) and not item.nodeid.startswith(ONCE)
    is_on_both = lane == "all" or item.get_closest_marker("each_database") or matters
    return DATABASES if is_on_both else frozenset({"postgres"})


def _databases_of_stack(item: pytest.Item, lane: str) -> frozenset[str]:
    pool = _pool_of(item)
    if lane == "all":
        return frozenset({"postgres"}) if item.get_closest_marker("one_database") else DATABASES
    if pool is None and item.get_closest_marker("each_database") and not item.get_closest_marker("one_database"):
        return DATABASES
    return frozenset({DATABASE_OF_POOL[pool or "gevent"]})


def is_stack(item: pytest.Item) -> bool:
    """Whether it takes real processes of a stack."""
    return bool(STACK_FIXTURES & _fixtures_of(item))


def _needs_database(item: pytest.Item) -> bool:
    return bool(_fixtures_of(item) & DATABASE_FIXTURES) or item.get_closest_marker("django_db") is not None


def _commits(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("django_db")
    return bool(_fixtures_of(item) & COMMITTING_FIXTURES) or bool(marker and marker.kwargs.get("transaction"))


def _fixtures_of(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


def _pool_of(item: pytest.Item) -> str | None:
    """The pool that a test was made for, if it is tried with several."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return parameters.get("pool", parameters.get("each_stack"))


def is_ci() -> bool:
    return os.environ.get("CI") == "true"
