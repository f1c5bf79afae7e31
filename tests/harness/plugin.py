"""The pytest plugin that comes before pytest-django: it chooses the database before any setting is read."""

import os
import signal

import pytest

from tests.harness import databases, processes
from tests.harness.lanes import LANES, is_ci, is_stack, lanes_of
from tests.harness.parts import postgres_program
from tests.harness.stack import SECRET_KEY

CLOSED = "redis://127.0.0.1:1/0"  # nobody listens there: only stacks have a broker

FORBIDDEN = "This machine forbids"

chosen = pytest.StashKey[object]()

LONG = ("worker/test_deploy", "faults", "worker/test_queues", "worker", "browser/test_interruptions", "ops", "browser")


def pytest_addoption(parser):
    parser.addoption("--matrix", action="store_true", help="each pool on each database: twice as long")
    parser.addoption("--database", choices=["sqlite", "postgres"], default="sqlite", help="which database")


@pytest.hookimpl(wrapper=True)  # wrappers run before pytest-django's own hook, which loads the settings
def pytest_load_initial_conftests(early_config):
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # `make test &` in a script: what tests start inherits it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    options = early_config.known_args_namespace
    if not (options.help or options.version):
        kind = options.database
        if kind == "postgres" and not postgres_program("initdb"):
            if is_ci():
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
            **{f"THROTTLE_{name}": "0" for name in processes.THROTTLES},
        }
    return (yield)


def pytest_collection_modifyitems(config, items):
    without_postgres = config.stash.get(chosen, None) is None
    everywhere = LANES if not postgres_program("initdb") else frozenset()  # PostgreSQL's skip then, and say so
    kept, dropped = [], []
    for item in items:
        lanes = lanes_of(item, is_matrix=config.option.matrix)
        if not lanes:
            raise pytest.UsageError(f"`make test` would try this nowhere: {item.nodeid}")
        if is_stack(item):
            item.add_marker(pytest.mark.stack)
        if without_postgres:
            item.add_marker(pytest.mark.skip(reason="PostgreSQL is not installed: nothing was tested on it"))
        (kept if config.option.database in lanes | everywhere else dropped).append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    items[:] = sorted(kept, key=_turn)


def _turn(item) -> int:
    """Long modules begin first, or one process would be at the last of them for minutes while the others rest."""
    return next((turn for turn, part in enumerate(LONG) if item.nodeid.startswith(f"tests/{part}")), len(LONG))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.skipped and is_ci() and not _may_be_skipped(item, report):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI=true forbids: {report.longrepr}"
    if report.failed:
        for part in processes.living:
            if tail := part.tail():
                report.sections.append((f"log of {part.log_path.parent.name}/{part.name}", tail))
    return report


def _may_be_skipped(item, report) -> bool:
    """What this machine's kernel forbids, and what another target of make is for."""
    return FORBIDDEN in str(report.longrepr) or any(map(item.get_closest_marker, ("pictures", "at_length")))


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
    if is_ci():
        pytest.fail(f"{reason} (CI=true forbids to skip)")
    pytest.skip(reason)


def forbidden(what: str) -> None:
    """Skip the present test because this machine's kernel does not allow something to this user.

    With CI=true, too: what is missing can be installed, what is forbidden cannot. It is listed at the end all the same.
    """
    pytest.skip(f"{FORBIDDEN} {what}")
