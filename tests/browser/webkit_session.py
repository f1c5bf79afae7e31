"""Sessions of WebKitWebDriver for `webkit_bridge.py`: their windows, and what became of the pages in them."""

import asyncio
import itertools
import json
import os
from pathlib import Path

BROWSER = next(iter(sorted(Path("/usr/lib").glob("*/webkit2gtk-4*/MiniBrowser"))), None)
PAGE_SCRIPT = Path(__file__).with_name("webkit_page.mjs").read_text()
POLL_SECONDS = 0.05
numbers = itertools.count(1)


class WebDriverError(Exception):
    """An answer that is an error; args: its code and its message."""


class Page:
    """A window of MiniBrowser, as playwright last heard of it."""

    def __init__(self, handle: str, context: "Context"):
        self.handle, self.context = handle, context
        self.document, self.url, self.ready, self.realm = "", "about:blank", "", ""
        self.navigation: str | None = None  # of the `navigate` whose page has not come


class Context:
    """A session of WebKitWebDriver. One command at a time: each goes to the window that is chosen."""

    def __init__(self, bridge, name: str):
        self.bridge, self.name = bridge, name
        self.pages: dict[str, Page] = {}
        self.scripts: dict[str, str] = {}
        self.size: dict | None = None
        self.arguments = ["--automation", "--javascript-can-access-clipboard=true"]
        self._lock, self._chosen, self._poller = asyncio.Lock(), "", None

    async def start(self) -> None:
        """When it is first needed: what playwright says of the context before becomes an argument of MiniBrowser."""
        async with self._lock:
            if self._poller is None:
                await self._start()

    async def _start(self) -> None:
        port = await self.bridge.free_port()
        env = {"DISPLAY": self.bridge.display, "GDK_BACKEND": "x11", "XDG_CONFIG_HOME": self.bridge.config}
        self._driver = await asyncio.create_subprocess_exec(self.bridge.driver, f"--port={port}", env=os.environ | env)
        self._url = f"http://127.0.0.1:{port}"
        while True:
            try:
                await self._send("GET", "/status")
                break
            except OSError:
                await asyncio.sleep(0.05)
        options = {"binary": str(BROWSER), "args": self.arguments}
        wanted = {"pageLoadStrategy": "none", "webkitgtk:browserOptions": options}
        session = await self._send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.capabilities = session["capabilities"]
        self._url += f"/session/{session['sessionId']}"
        await self._send("POST", "/timeouts", {"script": 600_000, "pageLoad": 600_000})
        self.home = self._chosen = await self._send("GET", "/window")
        await self._send("POST", "/url", {"url": f"http://127.0.0.1:{self.bridge.port}/"})  # cookies are set here
        self._poller = asyncio.create_task(self._poll())

    async def close(self) -> None:
        if self._poller is None:
            return
        self._poller.cancel()
        async with self._lock:
            for page in list(self.pages.values()):
                await self._forget(page)
            try:
                await self._send("DELETE", "")
            except (OSError, WebDriverError):
                pass
        try:
            self._driver.terminate()
        except ProcessLookupError:
            pass  # it ended by itself, as it does after its only session
        await self._driver.wait()

    async def _send(self, method: str, path: str, body: dict | None = None):
        async with self.bridge.client.request(method, self._url + path, json=body) as reply:
            value = (await reply.json())["value"]
            if reply.status != 200:
                raise WebDriverError(value["error"], value["message"])
            return value

    async def command(self, handle: str, method: str, path: str, body: dict | None = None):
        async with self._lock:
            return await self._command(handle, method, path, body)

    async def _command(self, handle: str, method: str, path: str, body: dict | None = None):
        if self._chosen != handle:
            await self._send("POST", "/window", {"handle": handle})
            self._chosen = handle
        return await self._send(method, path, body)

    async def run(self, page: Page, code: str) -> dict:
        """What the code in the page returned, as JSON, after playwright has heard what became of the page."""
        first = "".join(f"try {{ ({script})(() => {{}}); }} catch (error) {{}}\n" for script in self.scripts.values())
        source = f"if (!window.__bidi) {{ {PAGE_SCRIPT}\n{first} }}\nreturn {code};"
        async with self._lock:
            answer = json.loads(
                await self._command(page.handle, "POST", "/execute/sync", {"script": source, "args": []})
            )
            await self._tell(page, answer["state"])
        return answer

    async def add_page(self, handle: str) -> Page:
        page = self.pages[handle] = Page(handle, self)
        params = {"context": handle, "url": "about:blank", "userContext": self.name, "parent": None, "children": []}
        await self.bridge.emit("browsingContext.contextCreated", params | {"originalOpener": None})
        return page

    async def create_page(self) -> Page:
        async with self._lock:
            handle = (await self._command(self.home, "POST", "/window/new", {"type": "window"}))["handle"]
            page = await self.add_page(handle)
        if self.size:
            await self.resize(page, self.size)
        await self.run(page, "__bidi.state()")
        return page

    async def resize(self, page: Page, size: dict) -> None:
        """The window is larger than what it shows."""
        more = (0, 0)
        for _ in range(2):
            rect = {"width": size["width"] + more[0], "height": size["height"] + more[1]}
            await self.command(page.handle, "POST", "/window/rect", rect)
            inner = await self.command(
                page.handle, "POST", "/execute/sync", {"script": "return [innerWidth, innerHeight]", "args": []}
            )
            more = (rect["width"] - inner[0], rect["height"] - inner[1])

    async def close_page(self, page: Page) -> None:
        async with self._lock:
            await self._command(page.handle, "DELETE", "/window")
            self._chosen = ""
            await self._forget(page)

    async def _forget(self, page: Page) -> None:
        del self.pages[page.handle]
        params = {"context": page.handle, "url": page.url, "userContext": self.name, "parent": None, "children": []}
        await self.bridge.emit("browsingContext.contextDestroyed", params)

    async def _poll(self) -> None:
        for turn in itertools.count():
            await asyncio.sleep(POLL_SECONDS)
            for page in list(self.pages.values()):
                try:
                    if page.handle in self.pages:
                        await self.run(page, "__bidi.state()")
                except (OSError, WebDriverError, json.JSONDecodeError):
                    pass  # between two pages, or a window that has just closed
            if turn % 4 == 0 and not self._lock.locked():
                async with self._lock:
                    handles = set(await self._send("GET", "/window/handles")) - {self.home}
                    for handle in handles - self.pages.keys():
                        await self.add_page(handle)
                    for handle in self.pages.keys() - handles:
                        await self._forget(self.pages[handle])

    async def _tell(self, page: Page, state: dict) -> None:
        emit, here = self.bridge.emit, {"context": page.handle, "url": state["url"]}
        if state["page"] != page.document:
            await self._tell_document(page, state)
        elif state["url"] != page.url:
            here |= {"navigation": page.navigation, "timestamp": 0}
            page.navigation = None
            await emit("browsingContext.fragmentNavigated", here)
        for entry in state["entries"]:
            args = [{"type": "string", "value": entry["text"]}]
            source = {"realm": page.realm, "context": page.handle}
            await emit("log.entryAdded", entry | {"args": args, "source": source, "timestamp": 0})
        events = {"interactive": ["domContentLoaded"], "complete": ["domContentLoaded", "load"]}
        for name in events.get(state["ready"], []):
            if name not in events.get(page.ready, []):
                await emit(f"browsingContext.{name}", here | {"navigation": None, "timestamp": 0})
        page.url, page.ready = state["url"], state["ready"]

    async def _tell_document(self, page: Page, state: dict) -> None:
        emit, is_first = self.bridge.emit, not page.document
        if not is_first:
            for realm in (page.realm, f"{page.realm}-utility"):
                await emit("script.realmDestroyed", {"realm": realm})
            navigation = page.navigation or f"navigation-{next(numbers)}"
            here = {"context": page.handle, "navigation": navigation, "url": state["url"], "timestamp": 0}
            if page.navigation is None:
                await emit("browsingContext.navigationStarted", here)
            await emit("browsingContext.navigationCommitted", here)
        page.document, page.realm, page.ready, page.navigation = state["page"], f"realm-{next(numbers)}", "", None
        page.url = state["url"]
        realm = {"realm": page.realm, "origin": state["url"], "type": "window", "context": page.handle}
        await emit("script.realmCreated", realm)
