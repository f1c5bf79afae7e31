"""Browsers, driven by playwright, with nothing but loopback to talk to."""

import shutil

import pytest

from runs.models import Model
from tests.browser import engines
from tests.browser.drivers import Drivers
from tests.browser.panes import NAMES, make_contenders
from tests.browser.web_server import WebServer
from tests.browser.window import Contexts, Window
from tests.harness.lanes import engines_of
from tests.harness.plugin import skip_missing

DRIVERS = pytest.StashKey[Drivers]()
HEADLESS = "chromium-headless-shell"  # Chromium without its own windows, whose pages cost as much again as ours
WHOLE = ["chromium", "chromium-browser", "google-chrome"]


def pytest_generate_tests(metafunc):
    """A lane tries a test in several engines; else it is tried in the one that `--engine` names."""
    if "engine" in metafunc.fixturenames and (lane := metafunc.config.option.lane):
        chosen = engines_of(metafunc.definition, lane)
        if chosen != ["chromium"]:
            metafunc.parametrize("engine", chosen, indirect=True, scope="module")


@pytest.fixture(scope="module")
def engine(request) -> str:
    """`chromium`, `firefox` or `webkit`."""
    return getattr(request, "param", request.config.option.engine)


@pytest.fixture(autouse=True)
def _skip_engine(request):
    """Skips what is marked with `only_engine` or `skip_engine` in another engine than it is for."""
    if "engine" not in request.fixturenames:
        return
    engine = request.getfixturevalue("engine")
    for name, is_meant in (("only_engine", False), ("skip_engine", True)):
        for mark in request.node.iter_markers(name):
            if (engine in mark.args) == is_meant:
                engines.skip_in(engine, mark.kwargs["reason"])


@pytest.fixture(scope="module")
def browsers() -> list[str]:
    """Programs of Chromium, of which the first that is there is taken; a module may have a fixture of this name."""
    return [HEADLESS, *WHOLE]


@pytest.fixture(scope="module")
def launch_options() -> dict:
    """Keywords for playwright's launch of Chromium; a module that wants others has a fixture of this name."""
    return {}


@pytest.fixture(scope="module")
def firefox_preferences() -> dict:
    """Firefox's, beside those of all tests; a module that wants others has a fixture of this name."""
    return {}


@pytest.fixture(scope="session")
def _drivers(request):
    """Playwright and the browsers it has started, once for all modules: a start costs a second of CPU time."""
    drivers = request.config.stash[DRIVERS] = Drivers()
    yield drivers
    drivers.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item, nextitem):
    """In a lane all tests in Firefox are run in a row: it ends with the last of them."""
    result = yield
    if _lane_s_engine(item) == "firefox" != _lane_s_engine(nextitem) and DRIVERS in item.config.stash:
        item.config.stash[DRIVERS].end("firefox")
    return result


def _lane_s_engine(item) -> str | None:
    return item.callspec.params.get("engine") if hasattr(item, "callspec") else None


@pytest.fixture(scope="module")
def _browser(_drivers, engine, browsers, launch_options, firefox_preferences):
    """The system's browser. Its tests are skipped, loudly, where there is none."""
    is_chromium = engine == "chromium"
    program = next(filter(None, map(shutil.which, browsers if is_chromium else engines.PROGRAMS[engine])), None)
    if program is None:
        skip_missing(f"{engines.NAMES[engine]} is not installed: no page was tried in it")
    with pytest.MonkeyPatch.context() as patch, _drivers.in_use():
        # The loop runs in this thread, so Django takes every query of a test for one from asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        engines.skip_at_calls(patch, engine)
        options = launch_options if is_chromium else {"firefox_user_prefs": firefox_preferences}
        yield _drivers.browser(engine, program, **options)


@pytest.fixture(scope="module")
def _contexts(_browser, engine):
    """Playwright's contexts of this module, of which each test gets those that no window of it has yet."""
    contexts = Contexts(_browser, engine)
    yield contexts
    contexts.close()


@pytest.fixture
def alice(stack):
    """The owner, in the stack."""
    return stack.person("alice")


@pytest.fixture
def make_web(stack):
    """Starts another web server of the stack, which the test may kill: `make_web(STREAMS_HEARTBEAT_SECONDS="0.2")`."""
    servers = []

    def make(**env: str) -> WebServer:
        servers.append(WebServer(stack, **env))
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def web(make_web) -> WebServer:
    """A web server that the test may kill and start again. It serves what the stack's own serves."""
    return make_web()


@pytest.fixture
def window_options() -> dict:
    """Keywords for alice's window; a module that wants others has a fixture of this name."""
    return {}


@pytest.fixture
def tab(stack, alice, open_window, window_options):
    """The first tab of alice's window."""
    return open_window(stack, alice, **window_options).tab


@pytest.fixture
def open_window(_contexts, engine):
    """Opens a browser window of its own: `open_window(stack, alice)`; keywords are playwright's for a context.

    At the end no page may have broken the content security policy or thrown an error.
    """
    windows = []

    def open_(stack, person=None, **options) -> Window:
        if reason := engines.why_not(engine, options):
            engines.skip_in(engine, reason)
        window = Window(_contexts, stack.url, person, **options)
        windows.append(window)
        return window

    yield open_
    complaints = [complaint for window in windows for complaint in window.complaints]
    for window in windows:
        window.close()
    assert complaints == []


@pytest.fixture
def contenders(stack):
    """`contenders(tokens=9, …)`: three models that speak this script, for as long as the test lasts: {label: tag}."""
    yield lambda **script: make_contenders(stack, **script)
    Model.objects.filter(label__in=NAMES).update(enabled=False)
