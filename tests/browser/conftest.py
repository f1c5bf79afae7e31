"""Chromium, driven by playwright, with nothing but loopback to talk to."""

import shutil

import pytest

from runs.models import Model
from tests.browser.drivers import Drivers
from tests.browser.panes import NAMES, make_contenders
from tests.browser.web_server import WebServer
from tests.browser.window import Contexts, Window
from tests.harness.plugin import skip_missing

HEADLESS = "chromium-headless-shell"  # Chromium without its own windows, whose pages cost as much again as ours
WHOLE = ["chromium", "chromium-browser", "google-chrome"]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]


@pytest.fixture(scope="module")
def browsers() -> list[str]:
    """Programs of which the first that is there is taken; a module that wants others has a fixture of this name."""
    return [HEADLESS, *WHOLE]


@pytest.fixture(scope="module")
def launch_options() -> dict:
    """Keywords for playwright's launch of Chromium; a module that wants others has a fixture of this name."""
    return {}


@pytest.fixture(scope="session")
def _drivers():
    """Playwright and the browsers it has started, once for all modules: a start costs a second of CPU time."""
    drivers = Drivers()
    yield drivers
    drivers.close()


@pytest.fixture(scope="module")
def _chromium(_drivers, browsers, launch_options):
    """The system's Chromium. Its tests are skipped, loudly, where there is none."""
    program = next(filter(None, map(shutil.which, browsers)), None)
    if program is None:
        skip_missing("Chromium is not installed: no page was tried in a browser")
    with pytest.MonkeyPatch.context() as patch, _drivers.in_use():
        # The loop runs in this thread, so Django takes every query of a test for one from asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield _drivers.browser(program, args=ARGUMENTS, **launch_options)


@pytest.fixture(scope="module")
def _contexts(_chromium):
    """Playwright's contexts of this module, of which each test gets those that no window of it has yet."""
    contexts = Contexts(_chromium)
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
def open_window(_contexts):
    """Opens a browser window of its own: `open_window(stack, alice)`; keywords are playwright's for a context.

    At the end no page may have broken the content security policy or thrown an error.
    """
    windows = []

    def open_(stack, person=None, **options) -> Window:
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
