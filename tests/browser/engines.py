"""The engines that pages are tried in, as Debian ships them, each launched by playwright.

Chromium is driven by its own protocol, Firefox by WebDriver BiDi (`firefox_relay.py`), WebKit by WebDriver behind a
bridge that speaks BiDi (`webkit_bridge.py`). Tests are the same in all. What playwright cannot do in one of them is
listed here, and what needs it is skipped there with that reason.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from tests.harness.plugin import NOT_IN_ENGINE
from tests.harness.processes import ROOT, temporary_directory

PROGRAMS = {"firefox": ("firefox-esr", "firefox"), "webkit": ("WebKitWebDriver",)}
NAMES = {"chromium": "Chromium", "firefox": "Firefox", "webkit": "WebKit"}
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
FINE_AND_HOVERS = 6  # a mouse, in Firefox's `PointerCapabilities`; without windows it has none
FIREFOX_PREFERENCES = {
    "ui.primaryPointerCapabilities": FINE_AND_HOVERS,
    "ui.allPointerCapabilities": FINE_AND_HOVERS,
    "dom.events.testing.asyncClipboard": True,  # the clipboard is read without asking the user
    "general.smoothScroll": False,  # a busy machine makes pauses in it, which look like its end
    "network.dns.disabled": True,
    "network.captive-portal-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "browser.region.network.url": "",
    "browser.region.update.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    # Processes that would wait for another site: each costs a third of a second of CPU time.
    "fission.autostart": False,
    "dom.ipc.processPrelaunch.enabled": False,
    "dom.ipc.processCount": 1,
    "browser.sessionstore.interval": 3_600_000,  # ms
}
NOT_OVER_BIDI = "WebDriver BiDi has no such command yet"
OPTIONS = ("java_script_enabled", "color_scheme", "reduced_motion", "forced_colors", "has_touch", "is_mobile")
UNSUPPORTED_OPTIONS = {
    "chromium": {},
    "firefox": dict.fromkeys(OPTIONS, NOT_OVER_BIDI),
    "webkit": dict.fromkeys(OPTIONS, "WebDriver has no such command"),
}
NO_EVENTS = "no event tells of requests"
UNSUPPORTED_CALLS = {  # of playwright's: a test that calls one is skipped there, with this reason
    "chromium": [],
    "firefox": [
        (BrowserContext, "new_cdp_session", "only Chromium has its protocol"),
        (Browser, "start_tracing", "only Chromium traces a page"),
        (Page, "route_web_socket", NOT_OVER_BIDI),
        (Page, "emulate_media", NOT_OVER_BIDI),  # the relay only says that it was done
    ],
    "webkit": [
        (BrowserContext, "new_cdp_session", "only Chromium has its protocol"),
        (Browser, "start_tracing", "only Chromium traces a page"),
        (BrowserContext, "set_offline", "its network is not switched off"),
        (Page, "emulate_media", "WebDriver has no such command"),
        (Page, "route", "no request is held or changed"),
        (Page, "route_web_socket", "no request is held or changed"),
        (Page, "expect_request", NO_EVENTS),
        (Page, "expect_response", NO_EVENTS),
    ],
}
UNSUPPORTED_EVENTS = {
    "chromium": (),
    "firefox": ("websocket",),
    "webkit": ("websocket", "request", "response", "requestfinished", "requestfailed", "download", "filechooser"),
}
DEFAULTS = {"java_script_enabled": True, "color_scheme": "light", "has_touch": False, "is_mobile": False}


def launch(playwright: Playwright, engine: str, program: str, **options) -> Browser:
    """Start a browser. Keywords are playwright's for a launch."""
    if engine == "chromium":
        return playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS, **options)
    between, preferences = {"firefox": ("firefox_relay", FIREFOX_PREFERENCES), "webkit": ("webkit_bridge", {})}[engine]
    return playwright.firefox.launch(
        channel="moz-firefox",
        executable_path=_script(between, program),
        firefox_user_prefs=preferences | options.pop("firefox_user_prefs", {}),
        **options,
    )


def _script(between: str, program: str) -> str:
    """The path of a program that starts a browser with what stands between it and playwright."""
    script = temporary_directory("browser") / Path(program).name
    start = f'exec "{sys.executable}" -m tests.browser.{between} "{shutil.which(program)}" "$@"'
    script.write_text(f'#!/bin/sh\ncd "{ROOT}" && {start}\n')
    script.chmod(0o700)
    return str(script)


def skip_in(engine: str, reason: str) -> None:
    """Skip the present test, because it needs what this engine cannot do."""
    pytest.skip(f"{NOT_IN_ENGINE} {NAMES[engine]}: {reason}")


def skip_at_calls(patch: pytest.MonkeyPatch, engine: str) -> None:
    """Let playwright's methods skip the test that calls them where this engine cannot do what they do."""

    def skipping(name: str, reason: str) -> Callable:
        return lambda *_, **__: skip_in(engine, f"{name}: {reason}")

    for owner, name, reason in UNSUPPORTED_CALLS[engine]:
        patch.setattr(owner, name, skipping(name, reason))
    listen = Page.on

    def on(page: Page, event: str, handler: Callable) -> None:
        if event in UNSUPPORTED_EVENTS[engine]:
            skip_in(engine, f"{event}: no such event")
        listen(page, event, handler)

    patch.setattr(Page, "on", on)


def context_options(engine: str, options: dict) -> dict:
    """What of a window's options playwright is given in this engine."""
    if engine == "chromium":
        return options
    left_out = UNSUPPORTED_OPTIONS[engine].keys() | {"permissions"}  # preferences grant what Chromium asks for
    return {name: value for name, value in options.items() if name not in left_out}


def why_not(engine: str, options: dict) -> str | None:
    """Why this engine can have no window with these options."""
    for name, reason in UNSUPPORTED_OPTIONS[engine].items():
        if name in options and options[name] != DEFAULTS.get(name):
            return f"{name}: {reason}"
    return None
