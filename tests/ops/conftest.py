"""A browser for the one test that begins with the printed link."""

from tests.browser.conftest import _chromium, browsers, launch_options, open_window

__all__ = ["_chromium", "browsers", "launch_options", "open_window"]
