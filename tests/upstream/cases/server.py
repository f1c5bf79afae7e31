"""A model server that answers each request as the case named by the request's model says.

    python -m tests.upstream.cases.server [port]

For tests it runs in their own event loop. What a case's `strict` names is checked of the request first.
"""

import asyncio
import contextlib
import json
import socket
import struct
import sys
from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus
from itertools import cycle
from typing import Any

from tests.upstream.cases.case import Case, cases
from tests.upstream.cases.strict import refusal_of

ODD_SIZES = [7, 1, 13, 2, 5, 31, 3]
JSON = [("Content-Type", "application/json")]
TITLE_WISH = "Give this conversation a title"
HEARTBEAT_SECONDS = 1.0


class CaseServer:
    """Serves cases at `url`. Counts how often each conversation was sent, and keeps the requests' bodies."""

    def __init__(self, served: Mapping[str, Case] | None = None, port: int = 0) -> None:
        self._cases, self._port = cases() if served is None else served, port
        self._times: Counter[tuple[str, str]] = Counter()
        self._tasks: list[asyncio.Task] = []
        self.bodies: list[dict[str, Any]] = []

    async def __aenter__(self) -> "CaseServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.current_task())
        try:
            while await _play(writer, self._answer(*await _read_request(reader))):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    def _answer(self, target: str, raw: bytes) -> Case:
        if target.endswith("/models"):
            return _json(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self._cases]})
        body = json.loads(raw)
        self.bodies.append(body)
        case = self._cases.get(body["model"])
        if case is None:
            return _json(404, {"error": {"message": "The model does not exist", "code": "model_not_found"}})
        if case.strict and (refusal := refusal_of(case.strict, body)):
            return _json(*refusal)
        if _is_title_wish(body):
            return _title(case)
        key = case.name, json.dumps(body["messages"])
        self._times[key] += 1
        while case.then is not None and self._times[key] >= case.after:
            case = case.then
        return case


def _is_title_wish(body: dict[str, Any]) -> bool:
    content = body["messages"][-1].get("content")
    return isinstance(content, str) and content.startswith(TITLE_WISH)


def _title(case: Case) -> Case:
    if case.title is not None:
        return Case("title", body=case.title)
    chunk = {"choices": [{"index": 0, "delta": {"content": "A small title"}, "finish_reason": "stop"}]}
    return Case("title", body=f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode())


def _json(status: int, value: object) -> Case:
    return Case("json", body=json.dumps(value).encode(), status=status, headers=JSON, framing="length", cut="whole")


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
    return lines[0].split(" ")[1], await reader.readexactly(int(headers.get("content-length", 0)))


def _head(case: Case) -> bytes:
    known = {status.value: status.phrase for status in HTTPStatus}
    lines = [f"HTTP/{case.http} {case.status} {case.reason or known.get(case.status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in case.headers]
    match case.framing:
        case "chunked" | "cut":
            lines.append("Transfer-Encoding: chunked")
        case "length":
            lines.append(f"Content-Length: {len(case.body)}")
        case "short-length":
            lines.append(f"Content-Length: {len(case.body) + 100}")
        case _ if case.http == "1.1":
            lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode()


def pieces(body: bytes, cut: str) -> list[bytes]:
    """A body as it is written."""
    if cut == "whole" or b"\0" in body:
        return [body]
    if cut == "bytes":
        return [body[at : at + 1] for at in range(len(body))]
    if cut == "odd":
        parts, sizes, at = [], cycle(ODD_SIZES), 0
        while at < len(body):
            size = next(sizes)
            parts.append(body[at : at + size])
            at += size
        return parts
    marked = body.replace(b"\r\n\r\n", b"\r\n\r\n\0").replace(b"\n\n", b"\n\n\0")
    return [part for part in marked.split(b"\0") if part]


async def _play(writer: asyncio.StreamWriter, case: Case) -> bool:
    """Send the case. Returns whether the connection can be kept."""
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if case.before:
        writer.write(case.before)
        await writer.drain()
        await asyncio.sleep(0)
    writer.write(_head(case))
    framed = case.framing in ("chunked", "cut")
    for piece in pieces(case.body, case.cut):
        await _write(writer, piece, framed)
        await asyncio.sleep(case.pause)
    for _ in range(int(case.hang / HEARTBEAT_SECONDS)):
        await asyncio.sleep(HEARTBEAT_SECONDS)
        await _write(writer, case.heartbeat, framed)
    if case.framing == "chunked":
        writer.write(b"0\r\n\r\n")
        await writer.drain()
    if case.framing == "reset":
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
    return case.framing in ("chunked", "length") and case.http == "1.1"


async def _write(writer: asyncio.StreamWriter, piece: bytes, framed: bool) -> None:
    if piece:
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if framed else piece)
        await writer.drain()


async def _main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 18990
    async with CaseServer(port=port) as server:
        print(f"{len(cases())} cases at {server.url}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
