"""A browser for the tests that begin with a printed link or go through a proxy."""

from tests.browser.conftest import (
    _browser,
    _contexts,
    _drivers,
    browsers,
    engine,
    firefox_preferences,
    launch_options,
    open_window,
)

__all__ = [
    "_browser",
    "_contexts",
    "_drivers",
    "browsers",
    "engine",
    "firefox_preferences",
    "launch_options",
    "open_window",
]
