"""The pytest plugin that comes before pytest-django: it chooses the database before any setting is read."""

import os

import pytest

from tests.harness import databases, processes
from tests.harness.parts import postgres_program
from tests.harness.stack import SECRET_KEY

STACK_FIXTURES = {"stack", "stack_prefork", "each_stack", "make_stack"}
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup", *STACK_FIXTURES}
CLOSED = "redis://127.0.0.1:1/0"  # nobody listens there: only stacks have a broker

chosen = pytest.StashKey[object]()

# What is tried with real processes, with each pool and on each database, meets both, not all four pairs. What is tried
# with one pool only is tried on PostgreSQL, unless it is marked `each_database`. `--matrix` leaves nothing out.
LEFT_OUT = {"sqlite": ("prefork", None), "postgres": ("gevent",)}
LONG = ("worker/test_deploy", "faults", "worker/test_queues", "worker", "browser/test_interruptions", "ops", "browser")


def pytest_addoption(parser):
    parser.addoption("--matrix", action="store_true", help="each pool on each database: twice as long")
    parser.addoption("--database", choices=["sqlite", "postgres"], default="sqlite", help="which database")


@pytest.hookimpl(wrapper=True)  # wrappers run before pytest-django's own hook, which loads the settings
def pytest_load_initial_conftests(early_config):
    options = early_config.known_args_namespace
    if not (options.help or options.version):
        kind = options.database
        if kind == "postgres" and not postgres_program("initdb"):
            if os.environ.get("CI") == "true":
                raise pytest.UsageError("PostgreSQL is not installed, and CI=true forbids to do without")
            early_config.stash[chosen] = None
            kind = "sqlite"
        all_databases = databases.make_databases(kind)
        early_config.stash.setdefault(chosen, all_databases)
        os.environ |= {
            "DATA_DIR": str(processes.temporary_directory("tests")),
            "DATABASE_URL": all_databases.main_url,
            "DATABASE_POOL": "0",
            "REDIS_URL": CLOSED,
            "SECRET_KEY": SECRET_KEY,
            "STATIC_FROM_SOURCE": "1",
            "USER_MAX_RUNS": "0",
            "USER_MAX_SENDS": "0",
            **{f"THROTTLE_{name}": "0" for name in ("READS", "WRITES", "RUNS", "FOLLOWS", "SIGN_INS")},
        }
    return (yield)


def pytest_collection_modifyitems(config, items):
    without_postgres = config.stash.get(chosen, None) is None
    is_matrix = config.option.matrix or not postgres_program("initdb")
    kept, dropped = [], []
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if names & STACK_FIXTURES:
            item.add_marker(pytest.mark.stack)
        if without_postgres:
            item.add_marker(pytest.mark.skip(reason="PostgreSQL is not installed: nothing was tested on it"))
        uses_database = names & DATABASE_FIXTURES or item.get_closest_marker("django_db")
        once = item.get_closest_marker("browser") or item.get_closest_marker("one_database")
        if not uses_database or once:
            is_left_out = config.option.database == "postgres"
        else:
            is_left_out = not is_matrix and _is_left_out(item, config.option.database)
        (dropped if is_left_out else kept).append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    items[:] = sorted(kept, key=_turn)


def _is_left_out(item, database: str) -> bool:
    if not STACK_FIXTURES & set(item.fixturenames) or item.get_closest_marker("each_database"):
        return False
    return _pool_of(item) in LEFT_OUT[database]


def _pool_of(item) -> str | None:
    """The pool that a test was made for, if it is tried with several."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return parameters.get("pool", parameters.get("each_stack"))


def _turn(item) -> int:
    """Long modules begin first, or one process would be at the last of them for minutes while the others rest."""
    return next((turn for turn, part in enumerate(LONG) if item.nodeid.startswith(f"tests/{part}")), len(LONG))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.failed:
        for part in processes.living:
            if tail := part.tail():
                report.sections.append((f"log of {part.log_path.parent.name}/{part.name}", tail))
    return report


def pytest_runtest_setup(item):
    for part in processes.living:
        part.mark_log()


def pytest_unconfigure(config):
    processes.kill_all()


def pytest_terminal_summary(terminalreporter):
    reasons = {
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    }
    if reasons:
        terminalreporter.section("NOT TESTED HERE", yellow=True, bold=True)
        for reason in sorted(reasons):
            terminalreporter.line(reason, yellow=True)


def missing(reason: str) -> None:
    """Skip the present test because this machine lacks a part; with CI=true that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI=true forbids to skip)")
    pytest.skip(reason)


def forbidden(what: str) -> None:
    """Skip the present test because this machine's kernel does not allow something to this user.

    With CI=true, too: what is missing can be installed, what is forbidden cannot. It is listed at the end all the same.
    """
    pytest.skip(f"This machine forbids {what}")
