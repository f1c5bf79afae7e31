"""Requests to the application as a server would hand them over: bytes in every place, and no client that tidies up."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import unquote

import pytest
from asgiref.sync import SyncToAsync
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import got_request_exception
from django.db import connection, transaction

from chatapp.middleware.bounded_bodies import BoundedBodies
from streams.transports.asgi import Handler

LEAVES_AFTER = 1.0  # s, then the client of what waits for a model's answer goes away: there is no worker here
HALVES = {*range(0xD800, 0xE000)}


class Answer(NamedTuple):
    status: int  # 0: the client left before there was one
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)


class InPlace(Handler):
    """The site's handler, whose synchronous parts run in the thread that asks: the test's transaction is on it."""

    async def __call__(self, scope, receive, send) -> None:
        await ASGIHandler.handle(self, scope, receive, send)

    async def send_response(self, response, send) -> None:
        await ASGIHandler.send_response(self, response, send)  # the body of a stream is none of this table's


@contextmanager
def synchronous_parts_in_place() -> Iterator[None]:
    """Let the event loop's own thread run what Django hands to another: 20 times a request, a fifth of its time."""
    hand_over, here = SyncToAsync.__call__, threading.get_ident()

    async def call(self: SyncToAsync, *args: object, **kwargs: object) -> object:
        if threading.get_ident() != here:
            return await hand_over(self, *args, **kwargs)
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)  # synchronous code may use the ORM only where no loop runs
        try:
            return self.func(*args, **kwargs)
        finally:
            asyncio._set_running_loop(loop)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SyncToAsync, "__call__", call)
        yield


class Asker:
    """Asks; keeps what went wrong behind an answer."""

    def __init__(self, headers: list[tuple[bytes, bytes]] = ()) -> None:
        self.application = BoundedBodies(InPlace())
        self.headers = list(headers)

    def ask(
        self,
        method: str,
        path: str,
        query: bytes = b"",
        headers: list[tuple[bytes, bytes]] = (),
        body: bytes = b"",
        declares_length: bool = True,
    ) -> Answer:
        given = {name.lower() for name, _ in headers}
        own = [(b"host", b"127.0.0.1"), *self.headers]
        if body and declares_length:
            own.append((b"content-length", str(len(body)).encode()))
        every = [(name, value) for name, value in own if name not in given] + [(n.lower(), v) for n, v in headers]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query,
            "headers": every,
            "client": ["127.0.0.1", 1],
            "server": ["127.0.0.1", 80],
        }
        with transaction.atomic(), synchronous_parts_in_place():
            answer = asyncio.run(self._ask(scope, body))
            transaction.set_rollback(True)  # so that the next one finds everything as it was
        return answer

    async def _ask(self, scope: dict, body: bytes) -> Answer:
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[dict] = []

        async def receive() -> dict:
            if messages:
                return messages.pop()
            await asyncio.sleep(LEAVES_AFTER if scope["path"].startswith("/v1/") else 3600)
            return {"type": "http.disconnect"}

        async def send(message: dict) -> None:
            sent.append(message)

        await self.application(scope, receive, send)
        if not sent:
            return Answer(0, {}, b"")
        headers = {name.decode("latin1").lower(): value.decode("latin1") for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], headers, b"".join(part.get("body", b"") for part in sent[1:]))


@contextmanager
def watched(problems: list[str]):
    """Adds exceptions that no view foresaw, and values that one of the two databases could not hold."""

    def unforeseen(sender, **_) -> None:
        import traceback

        problems.append(" | ".join(traceback.format_exc(limit=-3).splitlines()[-4:]))

    def look(execute, sql, params, many, context):
        for row in params if many else [params]:
            for value in row.values() if isinstance(row, dict) else row or ():
                if wrong := what_no_database_holds(value):
                    problems.append(f"{wrong} for the database: {sql[:80]}")
        return execute(sql, params, many, context)

    got_request_exception.connect(unforeseen)
    try:
        with connection.execute_wrapper(look):
            yield problems
    finally:
        got_request_exception.disconnect(unforeseen)


def what_no_database_holds(value: object) -> str:
    """What is wrong with a parameter, be it for PostgreSQL or for SQLite; empty: nothing."""
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return "a number of more than 64 bits"
    text = getattr(value, "obj", value)  # psycopg's Jsonb
    text = text if isinstance(text, str) else json.dumps(text, default=str) if isinstance(text, dict | list) else ""
    if "\0" in text or (text[:1] in "[{" and "\\u0000" in text):
        return "NUL"
    if any(ord(character) in HALVES for character in text if ord(character) > 0xD7FF):
        return "half a character"
    if text[:1] in ("[", "{") and ("\\ud8" in text or "NaN" in text or "Infinity" in text):
        try:
            json.loads(text, parse_constant=_no_constant).__str__().encode()
        except ValueError:
            return "JSON that is none"
    return ""


def _no_constant(name: str):
    raise ValueError(name)
