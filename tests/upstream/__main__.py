"""Serve the scripted upstream until the process is ended: `python -m tests.upstream --port 0`."""

import argparse
import asyncio
import json

import uvloop
from aiohttp import web

from tests.upstream.server import make_app


async def _serve(host: str, port: int) -> None:
    # handler_cancellation: an answer that stalls must learn at once that the client has gone.
    runner = web.AppRunner(make_app(), handler_cancellation=True, access_log=None, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, host, port, backlog=4096)
    await site.start()
    print(json.dumps({"port": site._server.sockets[0].getsockname()[1]}), flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one; the port is printed")
    options = parser.parse_args()
    try:
        uvloop.run(_serve(options.host, options.port))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
