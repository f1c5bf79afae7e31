"""Answers of model servers, as those servers frame them: what they send, and what is right.

`cases.json` holds them by name. Their structure follows the documentation and bug reports of each vendor.
"""

import base64
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

BYTES = {"body", "heartbeat", "before", "title"}  # fields, in the file as {"text": …} or {"base64": …}
STREAM = [("Content-Type", "text/event-stream; charset=utf-8")]


@dataclass
class Case:
    name: str
    vendor: str = ""
    right: str = ""  # what right is, in words
    body: bytes = b""
    status: int = 200
    reason: str = ""
    headers: list = field(default_factory=lambda: [*STREAM])
    framing: str = "chunked"  # chunked, length, close, short-length, cut (chunked without its end), reset
    http: str = "1.1"
    cut: str = "events"  # one write for each event; or: whole, bytes, odd (7, 1, 13, 2, 5 … bytes)
    pause: float = 0.0  # s between writes
    hang: float = 0.0  # s that the connection stays open after the body, with heartbeats
    heartbeat: bytes = b": heartbeat\n\n"
    before: bytes = b""  # sent before the head
    strict: str = ""  # a check of the request (strict.py)
    then: "Case | None" = None  # served from the `after`-th request of one conversation on
    after: int = 2
    title: bytes | None = None  # body for the request for a title; None: a plain title
    tools: bool = False  # requested with tools
    want: dict[str, Any] = field(default_factory=dict)  # what right is, for programs


def _case(name: str, fields: dict[str, Any]) -> Case:
    values = {"name": name} | fields
    for key in BYTES & values.keys():
        values[key] = _bytes(values[key])
    if "then" in values:
        values["then"] = _case(name, values["then"]["fixture"])
    return Case(**values)


def _bytes(value: dict[str, str]) -> bytes:
    return base64.b64decode(value["base64"]) if "base64" in value else value["text"].encode()


@cache
def cases() -> dict[str, Case]:
    raw = json.loads(Path(__file__).with_name("cases.json").read_text())
    return {name: _case(name, fields) for name, fields in raw.items()}
