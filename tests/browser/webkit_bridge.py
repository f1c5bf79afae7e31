"""WebKit as a browser that playwright can drive: WebDriver BiDi in front, Debian's WebKitWebDriver behind.

`python -m tests.browser.webkit_bridge DRIVER …` is started in Firefox's place, and prints the address where it listens.
It answers playwright's commands by WebDriver's older protocol, which knows no events: a page is asked what became of it
after each command and every few milliseconds. So a script for each page runs a moment after the page's own first ones.
Commands that it cannot do are answered with an error.

A context is a session of its own: a WebKitWebDriver with a MiniBrowser, whose cookies and storage go with it.
"""

import asyncio
import ctypes
import json
import sys
import tempfile
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout, WSMsgType, web

from tests.browser.webkit_session import Context, Page, WebDriverError, numbers

NARROW_BUTTONS = "button { padding: 0; margin: 0; border: 0; min-width: 0; }"  # or no window is as narrow as a phone
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
SILENT = {  # done as far as it can be
    "session.subscribe",
    "network.addDataCollector",
    "network.setCacheBehavior",
    "network.removeIntercept",
    "browser.setDownloadBehavior",
    "emulation.setMediaFeaturesOverride",
    "emulation.setScreenOrientationOverride",
    "emulation.setScreenSettingsOverride",
    "emulation.setLocaleOverride",
    "permissions.setPermission",
    "script.disown",
    "browsingContext.activate",
}
EVALUATED = {  # arguments of playwright's own functions which those evaluate, and what they make of them before
    "expression": "{}",
    "callbackText": "{}",
    "functionText": "({})",
    "source": """
    (() => {{
      const module = {{}};
      {}
      return module.exports.default();
    }})()""",
}


def put_pointer_into_windows(display: str) -> None:
    """Windows are in the upper left corner. Nothing manages them, so the one under the pointer has the focus."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XDefaultRootWindow.restype = ctypes.c_ulong
    connection = ctypes.c_void_p(x11.XOpenDisplay(display.encode()))
    root = ctypes.c_ulong(x11.XDefaultRootWindow(connection))
    x11.XWarpPointer(connection, None, root, 0, 0, 0, 0, 5, 5)
    x11.XCloseDisplay(connection)


def _evaluated(function: str, values: list) -> set[str]:
    """The texts that playwright's functions evaluate: expressions, and functions that are arguments of others."""
    texts = set()
    if "utilityScript.evaluate" in function and len(values) > 3:
        texts.add(values[3]["value"])  # isFunction, returnByValue, expression, …, behind the script itself
        names = EVALUATED.keys() - ({"source"} if ".extend(" not in values[3]["value"] else set())  # selectors have one
        texts |= {EVALUATED[name].format(text) for name, text in _named_strings(values[4:]) if name in names}
    return texts


def _named_strings(value: object):
    """The name and the text of each `{k: name, v: text}` in playwright's arguments, as BiDi writes objects."""
    if isinstance(value, list):
        pairs = [pair for pair in value if isinstance(pair, list) and len(pair) == 2]
        named = {pair[0].get("value"): pair[1] for pair in pairs if isinstance(pair[0], dict)}
        if {"k", "v"} <= named.keys() and named["v"].get("type") == "string":
            yield named["k"]["value"], named["v"]["value"]
        for each in value:
            yield from _named_strings(each)
    elif isinstance(value, dict) and isinstance(value.get("value"), list):
        yield from _named_strings(value["value"])


class Bridge:
    """One connection of playwright."""

    def __init__(self, driver: str, config: str) -> None:
        self.driver, self.config = driver, config
        self.contexts: dict[str, Context] = {}
        self.done = asyncio.Event()
        self._socket: web.WebSocketResponse | None = None

    async def free_port(self) -> int:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        return port

    async def serve(self) -> None:
        screen = await asyncio.create_subprocess_exec(
            *("Xvfb", "-noreset", "-displayfd", "1", "-screen", "0", "4000x2400x24", "-nolisten", "tcp"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self.display = ":" + (await screen.stdout.readline()).decode().strip()
        put_pointer_into_windows(self.display)
        style = Path(self.config, "gtk-3.0", "gtk.css")
        style.parent.mkdir(parents=True)
        style.write_text(NARROW_BUTTONS)
        app = web.Application()
        app.add_routes([web.get("/session", self._connect), web.get("/{path:.*}", self._blank)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        async with ClientSession(timeout=ClientTimeout(total=None)) as self.client:
            print(f"WebDriver BiDi listening on ws://127.0.0.1:{self.port}", file=sys.stderr, flush=True)
            await self.done.wait()
            await asyncio.gather(*(context.close() for context in self.contexts.values()), return_exceptions=True)
        screen.terminate()
        await screen.wait()

    async def _blank(self, _) -> web.Response:
        return web.Response(text="", content_type="text/html")

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        self._socket = web.WebSocketResponse(max_msg_size=0, compress=False)
        await self._socket.prepare(request)
        tasks = set()
        async for message in self._socket:
            if message.type == WSMsgType.TEXT:
                task = asyncio.create_task(self._answer(json.loads(message.data)))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        self.done.set()
        return self._socket

    async def emit(self, method: str, params: dict) -> None:
        await self._write({"type": "event", "method": method, "params": params})

    async def _write(self, message: dict) -> None:
        if not self._socket.closed:
            await self._socket.send_str(json.dumps(message))

    async def _answer(self, message: dict) -> None:
        try:
            method = message["method"]
            handle = getattr(self, "do_" + method.replace(".", "_"), None)
            if method in SILENT:
                result = {}
            elif handle is None:
                raise WebDriverError("unsupported operation", f"{method} in WebKit")
            else:
                result = await handle(message["params"])
            answer = {"type": "success", "id": message["id"], "result": result or {}}
        except WebDriverError as error:
            answer = {"type": "error", "id": message["id"], "error": error.args[0], "message": error.args[1]}
        except Exception as error:
            answer = {"type": "error", "id": message["id"], "error": "unknown error", "message": repr(error)}
        await self._write(answer)

    def _page(self, handle: str) -> Page:
        for context in self.contexts.values():
            if handle in context.pages:
                return context.pages[handle]
        raise WebDriverError("no such frame", handle)

    async def _started(self, name: str) -> Context:
        await self.contexts[name].start()
        return self.contexts[name]

    async def do_session_new(self, _) -> dict:
        return {"sessionId": "webkit", "capabilities": {"browserName": "webkit", "browserVersion": "", "userAgent": ""}}

    async def do_browser_close(self, _) -> None:
        self.done.set()

    async def do_browser_createUserContext(self, _) -> dict:
        context = Context(self, f"context-{next(numbers)}")
        self.contexts[context.name] = context
        return {"userContext": context.name}

    async def do_browser_removeUserContext(self, params: dict) -> None:
        await self.contexts.pop(params["userContext"]).close()

    async def do_browsingContext_create(self, params: dict) -> dict:
        context = await self._started(params["userContext"])
        return {"context": (await context.create_page()).handle}

    async def do_browsingContext_close(self, params: dict) -> None:
        page = self._page(params["context"])
        await page.context.close_page(page)

    async def do_emulation_setTimezoneOverride(self, params: dict) -> None:
        for name in params["userContexts"]:
            self.contexts[name].arguments.append(f"--time-zone={params['timezone']}")

    async def do_browsingContext_setViewport(self, params: dict) -> None:
        for name in params.get("userContexts", []):
            self.contexts[name].size = params["viewport"]
        if handle := params.get("context"):
            page = self._page(handle)
            await page.context.resize(page, params["viewport"])

    async def do_browsingContext_navigate(self, params: dict) -> dict:
        page = self._page(params["context"])
        page.navigation = navigation = f"navigation-{next(numbers)}"
        here = {"context": page.handle, "navigation": navigation, "url": params["url"], "timestamp": 0}
        await self.emit("browsingContext.navigationStarted", here)
        await page.context.command(page.handle, "POST", "/url", {"url": params["url"]})
        return {"navigation": navigation, "url": params["url"]}

    async def do_browsingContext_reload(self, params: dict) -> None:
        page = self._page(params["context"])
        await page.context.command(page.handle, "POST", "/refresh", {})

    async def do_browsingContext_traverseHistory(self, params: dict) -> None:
        page = self._page(params["context"])
        await page.context.command(page.handle, "POST", "/back" if params["delta"] < 0 else "/forward", {})

    async def do_browsingContext_captureScreenshot(self, params: dict) -> dict:
        page = self._page(params["context"])
        return {"data": await page.context.command(page.handle, "GET", "/screenshot")}

    async def do_browsingContext_handleUserPrompt(self, params: dict) -> None:
        page = self._page(params["context"])
        await page.context.command(page.handle, "POST", "/alert/accept" if params["accept"] else "/alert/dismiss", {})

    async def do_browsingContext_locateNodes(self, _) -> dict:
        return {"nodes": []}

    async def do_network_addIntercept(self, params: dict) -> dict:
        if params["phases"] != ["authRequired"]:
            raise WebDriverError("unsupported operation", "no request is intercepted in WebKit")
        return {"intercept": "none"}

    async def do_script_addPreloadScript(self, params: dict) -> dict:
        script = f"script-{next(numbers)}"
        names = params.get("userContexts") or [self._page(each).context.name for each in params["contexts"]]
        for name in names:
            self.contexts[name].scripts[script] = params["functionDeclaration"]
        return {"script": script}

    async def do_script_removePreloadScript(self, params: dict) -> None:
        for context in self.contexts.values():
            context.scripts.pop(params["script"], None)

    async def do_script_evaluate(self, params: dict) -> dict:
        return await self._call(params, f"() => ({params['expression'].strip().rstrip(';')}\n)", [])

    async def do_script_callFunction(self, params: dict) -> dict:
        return await self._call(params, params["functionDeclaration"], params.get("arguments", []))

    async def _call(self, params: dict, function: str, values: list) -> dict:
        page = self._page(params["target"]["context"])
        before = page.realm
        is_kept = json.dumps(params.get("resultOwnership") == "root")
        is_awaited = json.dumps(params.get("awaitPromise", False))

        async def call(opening: str = "(", closing: str = ")") -> dict:
            pairs = [
                f"[{json.dumps(text)}, () => {opening}\n{text}\n{closing}]" for text in _evaluated(function, values)
            ]
            arguments = f"({function}\n), {json.dumps(values)}, {is_kept}, {is_awaited}, [{', '.join(pairs)}]"
            return await page.context.run(page, f"__bidi.call({arguments})")

        try:
            answer = await call()
        except WebDriverError as error:
            if error.args[0] != "javascript error":
                raise
            answer = await call("{", "}")  # not an expression, but statements
        while "pending" in answer["result"]:
            await asyncio.sleep(0.01)
            answer = await page.context.run(page, f"__bidi.poll({json.dumps(answer['result']['pending'])})")
            if page.realm != before:
                raise WebDriverError("unknown error", "the page has gone")
        realm = page.realm if not params["target"].get("sandbox") else f"{page.realm}-utility"
        return answer["result"] | {"realm": realm}

    async def do_input_performActions(self, params: dict) -> None:
        page = self._page(params["context"])
        for source in params["actions"]:
            for action in source["actions"]:
                action |= {name: round(action[name]) for name in ("x", "y", "deltaX", "deltaY") if name in action}
        await page.context.command(page.handle, "POST", "/actions", {"actions": params["actions"]})

    async def do_input_releaseActions(self, params: dict) -> None:
        page = self._page(params["context"])
        await page.context.command(page.handle, "DELETE", "/actions")

    async def do_input_setFiles(self, params: dict) -> None:
        page = self._page(params["context"])
        script = f"return __bidi.kept.get({json.dumps(params['element']['sharedId'])})"
        element = await page.context.command(page.handle, "POST", "/execute/sync", {"script": script, "args": []})
        text = {"text": "\n".join(params["files"])}
        await page.context.command(page.handle, "POST", f"/element/{element[ELEMENT]}/value", text)

    async def do_storage_setCookie(self, params: dict) -> None:
        context, cookie = await self._started(params["partition"]["userContext"]), dict(params["cookie"])
        cookie["value"] = cookie["value"]["value"]
        if same_site := cookie.pop("sameSite", None):
            cookie["sameSite"] = same_site.capitalize()
        cookie = {name: value for name, value in cookie.items() if value is not None}
        await context.command(context.home, "POST", "/cookie", {"cookie": cookie})

    async def do_storage_getCookies(self, params: dict) -> dict:
        context = await self._started(params["partition"]["userContext"])
        cookies = await context.command(context.home, "GET", "/cookie")
        for cookie in cookies:
            cookie["value"] = {"type": "string", "value": cookie["value"]}
            cookie["sameSite"] = cookie.get("sameSite", "None").lower()
        return {"cookies": cookies}

    async def do_storage_deleteCookies(self, params: dict) -> None:
        context = await self._started(params["partition"]["userContext"])
        await context.command(context.home, "DELETE", "/cookie")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as config:
        asyncio.run(Bridge(sys.argv[1], config).serve())
