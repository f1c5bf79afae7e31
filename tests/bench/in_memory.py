"""A detached-run manager that keeps everything in memory, for comparison: how fast it is if nothing is durable.

A dict of runs; a task for each that reads its upstream; a list of everything it said; a queue for each follower, who
gets the list first and the queue then. When the process ends, everything is gone. It is one plain ASGI application for
uvicorn, on uvloop, with aiohttp and orjson as this system has them, and sends the same envelopes; it merges what waits
for a follower into one write.

    POST /runs               {"url", "body"} -> {"run"}: ask this upstream
    GET /runs/{run}/events   server-sent events: from the beginning, then live
"""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import aiohttp
import orjson

SSE_HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
JSON_HEADERS = [(b"content-type", b"application/json")]


class Run:
    """One answer. `said` holds every frame; each follower has a queue, which None ends."""

    def __init__(self):
        self.id = str(uuid4())
        self.said: list[bytes] = []
        self.queues: set[asyncio.Queue[bytes | None]] = set()
        self.has_ended = False

    def say(self, kind: str, data: dict) -> None:
        seq = len(self.said) + 1
        envelope = {"stream": self.id, "seq": seq, "kind": kind, "data": data}
        frame = b"id: %d\ndata: %b\n\n" % (seq, orjson.dumps(envelope))
        self.said.append(frame)
        for queue in self.queues:
            queue.put_nowait(frame)

    def end(self, kind: str, data: dict) -> None:
        self.say(kind, data)
        self.has_ended = True
        for queue in self.queues:
            queue.put_nowait(None)

    async def read(self, session: aiohttp.ClientSession, url: str, body: dict) -> None:
        """Read the upstream to its end; any error is an end, too."""
        try:
            async with session.post(url, data=orjson.dumps(body)) as response:
                response.raise_for_status()
                async for chunk in _chunks(response):
                    for choice in chunk["choices"]:
                        if text := choice["delta"].get("content"):
                            self.say("text.delta", {"text": text})
            self.end("run.completed", {})
        except Exception as error:
            self.end("run.failed", {"message": repr(error)})

    async def follow(self) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        if not self.has_ended:
            self.queues.add(queue)
        try:
            yield b"".join(self.said)
            is_live = not self.has_ended
            while is_live:
                frames = [await queue.get()]
                while not queue.empty():
                    frames.append(queue.get_nowait())
                is_live = frames[-1] is not None
                yield b"".join(frames if is_live else frames[:-1])
        finally:
            self.queues.discard(queue)


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[dict]:
    """The JSON of each server-sent event."""
    rest = b""
    async for piece in response.content.iter_any():
        *events, rest = (rest + piece).split(b"\n\n")
        for event in events:
            if event.startswith(b"data: {"):
                yield orjson.loads(event[6:])


class Manager:
    """The ASGI application."""

    def __init__(self):
        self.runs: dict[str, Run] = {}
        self.tasks: set[asyncio.Task] = set()
        self.session: aiohttp.ClientSession | None = None

    async def __call__(self, scope, receive, send) -> None:
        if scope["method"] == "POST":
            await self._start(receive, send)
        else:
            await self._follow(self.runs[scope["path"].split("/")[2]], receive, send)

    async def _start(self, receive, send) -> None:
        order, more = b"", True
        while more:
            message = await receive()
            order, more = order + message["body"], message.get("more_body", False)
        order = orjson.loads(order)
        if self.session is None:
            timeout = aiohttp.ClientTimeout(total=None)
            self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout)
        run = Run()
        self.runs[run.id] = run
        task = asyncio.create_task(run.read(self.session, order["url"], order["body"]))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        await send({"type": "http.response.start", "status": 201, "headers": JSON_HEADERS})
        await send({"type": "http.response.body", "body": orjson.dumps({"run": run.id})})

    async def _follow(self, run: Run, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": SSE_HEADERS})
        writing = asyncio.create_task(self._write(run, send))
        leaving = asyncio.create_task(_disconnected(receive))
        await asyncio.wait([writing, leaving], return_when=asyncio.FIRST_COMPLETED)
        writing.cancel()
        leaving.cancel()

    async def _write(self, run: Run, send) -> None:
        async for data in run.follow():
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _disconnected(receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


application = Manager()
