"""Playwright and its browsers, started once in a process of tests."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.browser.engines import launch


class Drivers:
    """Starts what is asked for, and keeps it. All but `in_use` is called while it is in use.

    Playwright's synchronous interface has a loop of its own in this thread, which it leaves marked as running between
    its calls: no other test could run one. Between uses the mark is taken away, and nothing of it moves.
    """

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._browsers: dict[str, Browser] = {}

    @contextmanager
    def in_use(self) -> Iterator[None]:
        if self._playwright is None:
            self._playwright = sync_playwright().start()
            self._loop = asyncio.get_running_loop()
        asyncio._set_running_loop(self._loop)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)

    def browser(self, engine: str, program: str, **options) -> Browser:
        """A running browser; keywords are playwright's for a launch."""
        key = f"{engine} {program} {sorted(options.items())}"
        browser = self._browsers.get(key)
        if browser is None or not browser.is_connected():
            browser = self._browsers[key] = launch(self._playwright, engine, program, **options)
        return browser

    def end(self, engine: str) -> None:
        """End the browsers of an engine: Firefox uses the processor also when it has no page."""
        for key in [key for key in self._browsers if key.startswith(f"{engine} ")]:
            with self.in_use():
                self._browsers.pop(key).close()

    def close(self) -> None:
        if self._playwright is not None:
            asyncio._set_running_loop(self._loop)
            for browser in self._browsers.values():
                browser.close()
            self._playwright.stop()
            self._playwright = None
