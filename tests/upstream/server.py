"""The HTTP server: what a model server offers, and what tests ask of this one.

POST /v1/chat/completions, /v1/completions, /v1/embeddings, GET /v1/models
POST /scripts                              {script} -> {"model", "tag"}: a model id that speaks it
POST /release/{tag}?count=1                lets holds of this tag pass, now or later
GET  /connections, /connections/{tag}      what happened to each request, in order
     ?wait=started|closed|stalled|tokens:N &count=1 &timeout=30
                                           answers as soon as that is true of the tag's connection number
                                           `count` (from 1), or 504 after `timeout` seconds
"""

import asyncio
import itertools
import struct
import time
from base64 import b64encode
from weakref import WeakSet

import orjson
from aiohttp import web

from tests.upstream.answer import WHEEL, Answer
from tests.upstream.record import Connection, Record
from tests.upstream.script import Script, last_user_text, script_in
from tests.upstream.wheel import Wheel
from tests.upstream.wire import error_body

RECORD: web.AppKey[Record] = web.AppKey("record", Record)
SCRIPTS: web.AppKey[dict] = web.AppKey("scripts", dict)
USED: web.AppKey[WeakSet] = web.AppKey("used", WeakSet)  # connections that have brought a request

numbers = itertools.count(1)


def make_app() -> web.Application:
    app = web.Application(client_max_size=64 * 1024**2)
    app[RECORD], app[SCRIPTS], app[WHEEL], app[USED] = Record(), {}, Wheel(), WeakSet()
    app.add_routes(
        [
            web.post("/v1/chat/completions", complete),
            web.post("/v1/completions", complete),
            web.post("/v1/embeddings", complete),
            web.get("/v1/models", list_models),
            web.post("/scripts", register),
            web.post("/release/{tag}", release),
            web.get("/connections", list_connections),
            web.get("/connections/{tag}", wait_for_connection),
        ]
    )
    return app


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


def _script_for(app: web.Application, body: dict) -> Script:
    script = script_in(last_user_text(body)) or app[SCRIPTS].get(body.get("model")) or Script()
    if script.then is not None and body["messages"][-1].get("role") == "tool":
        script = Script.from_dict({"tag": script.tag} | script.then)
    script.tag = script.tag or f"request-{next(numbers)}"
    return script


async def complete(request: web.Request) -> web.StreamResponse:
    record = request.app[RECORD]
    try:
        body = orjson.loads(await request.read())
        script = _script_for(request.app, body)
    except (ValueError, TypeError) as error:
        return web.Response(status=400, body=error_body(str(error), "invalid_request_error"))
    connection = record.begin(script.tag, body, {str(name): value for name, value in request.headers.items()})
    was_used = request.transport in request.app[USED]
    request.app[USED].add(request.transport)
    try:
        if script.on_kept and was_used:
            return await _close(request, record, connection, script.on_kept)
        if script.status != 200 and (script.times is None or len(record.of(script.tag)) <= script.times):
            return _refuse(record, connection, script)
        if script.window is not None and script.count(body) > script.window:
            return _refuse_length(record, connection, script, script.count(body))
        if script.body is not None or not body.get("stream"):
            if script.hold_headers:
                record.stall(connection, time.monotonic())
                await record.permits(script.tag).acquire()
            return _at_once(record, connection, script)
        return await Answer(request, script, connection, record).speak()
    except (asyncio.CancelledError, ConnectionError):
        record.end(connection, "closed by client")
        raise


async def _close(request: web.Request, record: Record, connection: Connection, how: str) -> web.Response:
    """What a server does that closes an idle connection in the moment when a request comes over it."""
    record.end(connection, "interrupted")
    if how == "cut_head":
        request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/ev")
    request.transport.close()
    await asyncio.Event().wait()  # until aiohttp notices and cancels us


def _refuse(record: Record, connection: Connection, script: Script) -> web.Response:
    record.end(connection, "refused")
    headers = {"Retry-After": script.retry_after} if script.retry_after else {}
    body = error_body(script.error, "refused")
    return web.Response(status=script.status, body=body, headers=headers, content_type="application/json")


def _refuse_length(record: Record, connection: Connection, script: Script, tokens: int) -> web.Response:
    record.end(connection, "too long")
    message = (
        f"This model's maximum context length is {script.window} tokens. However, your messages resulted in {tokens}"
        " tokens. Please reduce the length of the messages."
    )
    error = {
        "message": message,
        "type": "invalid_request_error",
        "param": "messages",
        "code": "context_length_exceeded",
    }
    return _json({"error": error}, status=400)


def _at_once(record: Record, connection: Connection, script: Script) -> web.Response:
    """A body instead of a stream: the script's, or the whole answer in one piece."""
    record.end(connection, "finished")
    if script.body is not None:
        return web.Response(body=script.body.encode(), headers={"Content-Type": script.content_type})
    if "input" in connection.body:
        return _json(_embeddings(connection.body))
    words = script.text if script.text is not None else [f"w{n + 1} " for n in range(script.tokens)]
    if "prompt" in connection.body:
        choice = {"index": 0, "text": "".join(words), "finish_reason": script.finish, "logprobs": None}
        answer = {"id": f"cmpl-{connection.id}", "object": "text_completion", "created": 0, "choices": [choice]}
        return _json(answer | {"model": connection.body["model"]})
    message = {"role": "assistant", "content": "".join(words)}
    choice = {"index": 0, "message": message, "finish_reason": script.finish}
    return _json({"id": f"chatcmpl-{connection.id}", "object": "chat.completion", "choices": [choice]})


def _embeddings(body: dict) -> dict:
    """A vector for each text: its number of words, and 0.5."""
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    vectors = [[float(len(str(text).split())), 0.5] for text in texts]
    if body.get("encoding_format") == "base64":
        vectors = [b64encode(struct.pack("<2f", *vector)).decode() for vector in vectors]
    data = [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(vectors)]
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}


async def list_models(request: web.Request) -> web.Response:
    names = ["scripted", *request.app[SCRIPTS]]
    return _json({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})


async def register(request: web.Request) -> web.Response:
    script = Script.from_dict(orjson.loads(await request.read()))
    script.tag = script.tag or f"script-{next(numbers)}"
    request.app[SCRIPTS][script.tag] = script
    return _json({"model": script.tag, "tag": script.tag}, 201)


async def release(request: web.Request) -> web.Response:
    permits = request.app[RECORD].permits(request.match_info["tag"])
    for _ in range(int(request.query.get("count", 1))):
        permits.release()
    return web.Response(status=204)


async def list_connections(request: web.Request) -> web.Response:
    return _json([connection.as_dict() for connection in request.app[RECORD].connections])


async def wait_for_connection(request: web.Request) -> web.Response:
    record, tag, query = request.app[RECORD], request.match_info["tag"], request.query
    try:
        async with asyncio.timeout(float(query.get("timeout", 30))):
            while not _is_true(query.get("wait", ""), record.of(tag), int(query.get("count", 1))):
                await record.change(tag)
    except TimeoutError:
        return _json([connection.as_dict() for connection in record.of(tag)], 504)
    return _json([connection.as_dict() for connection in record.of(tag)])


def _is_true(fact: str, connections: list[Connection], count: int) -> bool:
    if not fact:
        return True
    if len(connections) < count:
        return False
    connection = connections[count - 1]
    name, _, number = fact.partition(":")
    facts = {
        "started": lambda: True,
        "closed": lambda: bool(connection.ended),
        "stalled": lambda: connection.stalled is not None,
        "tokens": lambda: connection.tokens >= int(number),
    }
    return facts[name]()
