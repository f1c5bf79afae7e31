"""Firefox as playwright starts it, with a relay in between that answers what this Firefox does not know.

`python -m tests.browser.firefox_relay FIREFOX --remote-debugging-port=0 --profile DIRECTORY …` starts Firefox, and
prints the address of the relay where playwright looks for Firefox's.

Playwright drives a stock Firefox by WebDriver BiDi, and asks each context for commands that Firefox has not yet. Those
in `UNKNOWN` are answered as if they were done; everything else passes unread.
"""

import asyncio
import json
import re
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

UNKNOWN = re.compile(r'"method":"(emulation\.setMediaFeaturesOverride)"')
LISTENING = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")
UNLIMITED = {"max_size": None, "compression": None, "ping_interval": None}


async def main(argv: list[str]) -> int:
    firefox = await asyncio.create_subprocess_exec(*argv, stderr=asyncio.subprocess.PIPE)
    while line := await firefox.stderr.readline():
        if found := LISTENING.search(line):
            break
        sys.stderr.buffer.write(line)
    else:
        return await firefox.wait()
    address = found[1].decode()

    async def relay(playwright) -> None:
        async with connect(address + playwright.request.path, proxy=None, **UNLIMITED) as browser:
            await asyncio.wait(
                [asyncio.create_task(_forward(playwright, browser)), asyncio.create_task(_pass(browser, playwright))],
                return_when=asyncio.FIRST_COMPLETED,
            )

    async with serve(relay, "127.0.0.1", 0, **UNLIMITED) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"WebDriver BiDi listening on ws://127.0.0.1:{port}", file=sys.stderr, flush=True)
        while line := await firefox.stderr.readline():
            sys.stderr.buffer.write(line)
        return await firefox.wait()


async def _forward(playwright, browser) -> None:
    async for message in playwright:
        if UNKNOWN.search(message):
            await playwright.send(json.dumps({"type": "success", "id": json.loads(message)["id"], "result": {}}))
        else:
            await browser.send(message)


async def _pass(browser, playwright) -> None:
    async for message in browser:
        await playwright.send(message)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
