"""The pytest plugin that comes before pytest-django: it chooses the database before any setting is read."""

import gc
import os
import signal
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.harness import databases, processes
from tests.harness.lanes import (
    BROWSER_DATABASE,
    BROWSER_TESTS,
    DATABASES,
    ENGINES,
    databases_of,
    is_ci,
    is_stack,
    scope_of,
)
from tests.harness.parts import postgres_program
from tests.harness.stack import SECRET_KEY
from tests.harness.turns import Floor

CLOSED = "redis://127.0.0.1:1/0"  # nobody listens there: only stacks have a broker

FLOOR = "TESTS_FLOOR"  # the variable that names the directory of the run's locks

FORBIDDEN = "This machine forbids"

NOT_IN_ENGINE = "Not in"  # an engine of a browser, which cannot do what a test needs

chosen = pytest.StashKey[object]()

GC_THRESHOLDS = (50_000, 20, 100)  # a tenth of a process's time went into looking for garbage among 3,000 tests

WAITING = ("tests/worker", "tests/ops", "tests/faults")
FIRST = "worker/test_addresses"  # it is `alone`, which costs least while others still collect
LONG = (FIRST, "worker/test_deploy", "faults", "ops/test_up", "worker", "browser", "ops", "edges")


def pytest_addoption(parser):
    parser.addoption("--database", choices=sorted(DATABASES), default="sqlite", help="which database")
    parser.addoption("--lane", choices=["push", "all"], help="leave out what this lane tries elsewhere or not at all")
    parser.addoption("--engine", choices=ENGINES, default="chromium", help="in which browser, without a lane")


@pytest.hookimpl(wrapper=True)  # wrappers run before pytest-django's own hook, which loads the settings
def pytest_load_initial_conftests(early_config):
    gc.set_threshold(*GC_THRESHOLDS)
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
        databases.templates_directory()  # here, as with the next one, so that all workers inherit the same
        os.environ.setdefault(FLOOR, str(processes.temporary_directory("floor")))
        os.environ |= {
            "DATA_DIR": str(processes.temporary_directory("tests")),
            "DATABASE_URL": all_databases.main_url,
            "DATABASE_POOL": "0",
            "REDIS_URL": CLOSED,
            "SECRET_KEY": SECRET_KEY,
            "STATIC_FROM_SOURCE": "1",
            "USER_MAX_RUNS": "0",
            "USER_MAX_SENDS": "0",
            "PROGRAM_MAX_SENDS": "0",
            **{f"THROTTLE_{name}": "0" for name in processes.THROTTLES},
        }
    return (yield)


def pytest_collection_modifyitems(config, items):
    for item in items:
        if not databases_of(item, "all"):
            raise pytest.UsageError(f"`make test-all` would try this nowhere: {item.nodeid}")
        if item.nodeid.startswith(f"{BROWSER_TESTS}/") and databases_of(item, "all") != {BROWSER_DATABASE}:
            raise pytest.UsageError(f"only tests of pages in a browser are in {BROWSER_TESTS}: {item.nodeid}")
        if is_stack(item):
            item.add_marker(pytest.mark.stack)
        if config.stash.get(chosen, None) is None:
            item.add_marker(pytest.mark.skip(reason="PostgreSQL is not installed: nothing was tested on it"))
    if lane := config.option.lane:
        here = [item for item in items if config.option.database in _databases_here(item, lane)]
        config.hook.pytest_deselected(items=list(set(items) - set(here)))
        items[:] = here
    items[:] = _interleaved(items)


def _databases_here(item, lane: str) -> frozenset[str]:
    """Without PostgreSQL its tests run on SQLite, and are reported as skipped on PostgreSQL."""
    tried = databases_of(item, lane)
    return tried if postgres_program("initdb") or not tried else DATABASES


def _interleaved(items: list) -> list:
    """Modules that mostly wait, for processes to start, die and be found, among those that compute: one after two.

    All of the first kind at once would leave the machine idle. The longest of each kind come first, or one process
    would run the last of them for minutes while the others idle.
    """
    modules: dict[str, list] = {}
    for item in items:
        modules.setdefault(item.nodeid.partition("::")[0], []).append(item)
    kinds = {True: [], False: []}  # whether it waits
    for path in sorted(modules, key=_turn):
        kinds[path.startswith(WAITING)].append(path)
    turns = {path: turn * 3 for turn, path in enumerate(kinds[True])}
    turns |= {path: turn // 2 * 3 + 1 for turn, path in enumerate(kinds[False])}
    return [item for path in sorted(modules, key=turns.__getitem__) for item in modules[path]]


class Scheduling(LoadScopeScheduling):
    """Which process runs what (`lanes.scope_of`)."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid, self.config.option.lane)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log) if config.option.dist == "loadscope" else None


def _turn(path: str) -> int:
    return next((turn for turn, part in enumerate(LONG) if path.startswith(f"tests/{part}")), len(LONG))


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before the test's time begins to be counted
def pytest_runtest_protocol(item):
    with Floor(Path(os.environ[FLOOR])).held(alone=item.get_closest_marker("alone") is not None):
        return (yield)


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
    """What this machine's kernel forbids or an engine cannot do, and what another target of make is for."""
    reason = str(report.longrepr)
    return (
        FORBIDDEN in reason
        or f"Skipped: {NOT_IN_ENGINE} " in reason
        or any(map(item.get_closest_marker, ("pictures", "at_length")))
    )


def pytest_runtest_setup(item):
    for part in processes.living:
        part.mark_log()


def pytest_collection_finish(session):
    gc.collect()
    gc.freeze()


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


def skip_missing(reason: str) -> None:
    """Skip the present test because this machine lacks a part; with CI=true that is a failure."""
    if is_ci():
        pytest.fail(f"{reason} (CI=true forbids to skip)")
    pytest.skip(reason)


def skip_forbidden(what: str) -> None:
    """Skip the present test because this machine's kernel does not allow something to this user.

    With CI=true, too: what is missing can be installed, what is forbidden cannot. It is listed at the end all the same.
    """
    pytest.skip(f"{FORBIDDEN} {what}")
