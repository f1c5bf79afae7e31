"""A browser for the tests that begin with a printed link or go through a proxy."""

from tests.browser.conftest import _chromium, _contexts, _drivers, browsers, launch_options, open_window

__all__ = ["_chromium", "_contexts", "_drivers", "browsers", "launch_options", "open_window"]
