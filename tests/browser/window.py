"""A browser window as a person uses it: what is on the page, by its role and its words."""

import re

from playwright.sync_api import Browser, BrowserContext, CDPSession, Locator, Page, expect

from runs.models import Run
from tests.browser.engines import context_options

SESSION_PAGE = re.compile(r"/chats/[0-9a-f-]{36}(#end)?$")
STORAGE = "local_storage,indexeddb,cache_storage,service_workers,file_systems"
PATIENCE = 20_000  # ms; far above anything that happens on a loaded machine
expect.set_options(timeout=PATIENCE)

REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP violation: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""
LOST_CONNECTION = re.compile(
    r"WebSocket connection to .* failed|ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_INTERNET_DISCONNECTED"
    r"|can’t establish a connection to the server|connection to .* was interrupted"  # Firefox
    r"|Markdown could not be loaded"  # Firefox ends imports of a page that is left
)


class Contexts:
    """Contexts of playwright, each a browser of its own, which are used again so that they keep their HTTP cache.

    Nothing else is kept: a context comes with one empty page and without cookies, storage and permissions.
    """

    def __init__(self, browser: Browser, engine: str):
        self._browser, self.engine = browser, engine
        self._idle: dict[str, list[BrowserContext]] = {}

    def take(self, url: str, **options) -> BrowserContext:
        """A context for a window on this site; keywords are playwright's. `give_back` it, or close it."""
        if idle := self._idle.get(_key(url, options)):
            context = idle.pop()
            devtools = context.new_cdp_session(context.new_page())
            devtools.send("Storage.clearDataForOrigin", {"origin": url, "storageTypes": STORAGE})
            devtools.detach()
            return context
        context = self._browser.new_context(base_url=url, **context_options(self.engine, options))
        context.set_default_timeout(PATIENCE)
        context.add_init_script(REPORT_VIOLATIONS)
        context.new_page()
        return context

    def give_back(self, context: BrowserContext, url: str, **options) -> None:
        if self.engine != "chromium":  # nothing empties its storage
            context.close()
            return
        for page in context.pages:
            page.close()
        context.clear_cookies()
        context.clear_permissions()
        self._idle.setdefault(_key(url, options), []).append(context)

    def close(self) -> None:
        for contexts in self._idle.values():
            for context in contexts:
                context.close()


def _key(url: str, options: dict) -> str:
    return f"{url} {sorted(options.items())}"


class Window:
    """One browser with cookies of its own; `page` is its first tab.

    `complaints` are the errors that its pages reported, without those that match `expected`.
    """

    def __init__(self, contexts: Contexts, url: str, person=None, *, expected: str = "(?!)", **options):
        options.setdefault("viewport", {"width": 1280, "height": 800})
        self.url, self.complaints, self.expected = url, [], re.compile(expected)
        if options.get("bypass_csp"):  # which WebKit cannot: a policy then forbids a style of axe's
            self.expected = re.compile(f"{expected}|CSP violation: style-src-elem inline")
        self._contexts, self._options = contexts, options
        self._is_changed, self._is_closed = "permissions" in options, False
        self._devtools: CDPSession | None = None
        self._context = contexts.take(url, **options)
        self._context.on("weberror", self._keep)
        self._context.on("console", self._hear)
        if person is not None:
            cookies = [{"name": name, "value": value, "url": url} for name, value in person.cookies.items()]
            self._context.add_cookies(cookies)
        [self.page] = self._context.pages

    @property
    def context(self) -> BrowserContext:
        """For a test that changes it (by scripts, a clock, routes): no other test gets it afterwards."""
        self._is_changed = True
        return self._context

    def _keep(self, error) -> None:
        text = str(error.error)
        if not LOST_CONNECTION.search(text):
            self.complaints.append(text)

    def _hear(self, message) -> None:
        """Keep errors. That a server was away for a while is for the page to tell, and no error of the page."""
        if message.type not in ("error", "warning"):
            return
        if not LOST_CONNECTION.search(message.text) and not self.expected.search(message.text):
            self.complaints.append(message.text)

    def cookie(self, name: str) -> str:
        return next(cookie["value"] for cookie in self._context.cookies() if cookie["name"] == name)

    def cookies_expire(self) -> None:
        """The log-in ends, as it does after two weeks; open pages notice it with their next request."""
        self._context.clear_cookies(name=re.compile("session"))

    def resize(self, width: int, height: int, scale: int) -> None:
        """Show the first tab on another screen: CSS pixels, and where it can be chosen device pixels for each."""
        if self._contexts.engine == "chromium":
            self._devtools = self._devtools or self.context.new_cdp_session(self.page)
            screen = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
            self._devtools.send("Emulation.setDeviceMetricsOverride", screen)
            assert self.page.evaluate("devicePixelRatio") == scale
        else:
            self.page.set_viewport_size({"width": width, "height": height})
        assert self.page.evaluate("innerWidth") == width

    def new_tab(self) -> "Tab":
        return Tab(self._context.new_page())

    @property
    def tab(self) -> "Tab":
        return Tab(self.page)

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._is_changed:
            self._context.close()
            return
        self._context.remove_listener("weberror", self._keep)
        self._context.remove_listener("console", self._hear)
        self._contexts.give_back(self._context, self.url, **self._options)


class Tab:
    """One tab and the words of the chat page."""

    def __init__(self, page: Page):
        self.page = page

    @property
    def field(self) -> Locator:
        return self.page.get_by_label("Message", exact=True)

    @property
    def send_button(self) -> Locator:
        return self.page.get_by_role("button", name="Send", exact=True)

    @property
    def stop_button(self) -> Locator:
        return self.page.get_by_role("button", name="Stop", exact=True)

    @property
    def send_next_button(self) -> Locator:
        return self.page.get_by_role("button", name="Send next", exact=True)

    @property
    def cards(self) -> Locator:
        """The messages that wait."""
        return self.page.get_by_role("region", name="Queued messages").get_by_role("listitem")

    def card(self, words: str) -> Locator:
        return self.cards.filter(has_text=words)

    def act(self, name: str) -> Locator:
        """A button of the last answer."""
        return self.answers.last.get_by_role("button", name=name, exact=True)

    @property
    def answers(self) -> Locator:
        return self.page.locator("article.answer")

    @property
    def questions(self) -> Locator:
        return self.page.locator("article.question")

    @property
    def status(self) -> Locator:
        return self.page.get_by_role("status")

    @property
    def answer(self) -> Locator:
        """The text of the last answer."""
        return self.answers.last.locator(".prose")

    def start(self, text: str) -> None:
        """Send the first message of a new chat and wait for its page."""
        self.page.goto("/")
        self.send(text)
        self.wait_for_session()

    def wait_for_session(self) -> None:
        self.page.wait_for_url(SESSION_PAGE)

    def send(self, text: str) -> None:
        self.field.fill(text)
        self.page.wait_for_load_state()  # before the script has come, Enter is a new line
        self.field.press("Enter")

    def expect_answer(self, text: str | re.Pattern) -> None:
        expect(self.answer).to_have_text(text, timeout=PATIENCE)

    def expect_state(self, state: str) -> None:
        """The last answer is `waiting`, `answering`, `stopping`, `complete`, `stopped`, `failed` or `lost`.

        And if it has ended, its HTML has come.
        """
        expect(self.answers.last).to_have_attribute("data-state", state, timeout=PATIENCE)
        expect(self.page.locator("[data-html-due]")).to_have_count(0, timeout=PATIENCE)

    def login(self, username: str, password: str) -> None:
        self.page.goto("/login")
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()


def last_run(person) -> Run:
    """The newest run in a person's sessions."""
    return Run.objects.visible_to(person.user).latest("queued_at")


__all__ = ["Tab", "Window", "expect", "last_run"]
