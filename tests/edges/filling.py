"""Every address × every place in a request × what nobody should send: never a 500, never a traceback, never a hang.

One test for each kind of place goes through the whole table and tells all that is wrong. Each request is rolled back.
Every place meets one value, the next place the next one, of the worst and of the others in turn. With `make test-all`
(`EDGES=more` in the environment) it meets all of the worst and two others; with `make edges` (`EDGES=all`) every one,
which takes an hour, and forms, heads and the admin are asked, too.
"""

import itertools
import json
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

import pytest

from tests.edges.asking import Answer, Asker, watched
from tests.edges.table import HOSTILE_ONLY, Row

FORM = (b"content-type", b"application/x-www-form-urlencoded")
JSON = (b"content-type", b"application/json")
MULTIPART = (b"content-type", b"multipart/form-data; boundary=b")
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n%s\r\n--b--\r\n'
STATUSES = {200, 201, 202, 204, 302, 304, 400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 415, 422, 429}
NAMED = re.compile(r"{(\w+)}")


WORST = {"NUL", "half a character", "not UTF-8", "2^63", "1,000 deep"}
SHARES = {"more": (len(WORST), 2), "all": (1_000, 1_000)}  # how many of the worst and of the other values a place meets
_turns = defaultdict(itertools.count)  # by the identity of the values: each table of them has turns of its own


def some(values: dict) -> dict:
    """A few of the worst of these values, and of the others: at each place the next ones. In a short run only one."""
    turn = next(_turns[id(values)])
    kinds = [[name for name in values if (name in WORST) is is_worst] for is_worst in (True, False)]
    if shares := SHARES.get(os.environ.get("EDGES", "")):
        chosen = set().union(*(_next(names, turn, share) for names, share in zip(kinds, shares, strict=True)))
    else:
        kinds = [names for names in kinds if names]
        chosen = _next(kinds[turn % len(kinds)], turn // len(kinds), 1)
    return {name: value for name, value in values.items() if name in chosen}


def is_long() -> bool:
    """Whether places meet more than one value."""
    return os.environ.get("EDGES") in SHARES


def worst(values: dict) -> dict:
    return {name: value for name, value in values.items() if name in WORST}


def _next(names: list[str], turn: int, count: int) -> set[str]:
    return {names[(turn * count + step) % len(names)] for step in range(min(count, len(names)))}


def in_turn(kinds: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """At each place all of them; in a short run the next one, which is for what is refused before any view."""
    return itertools.repeat(kinds) if is_long() else itertools.cycle((kind,) for kind in kinds)


at_length = pytest.mark.at_length


# Each request has an event loop and threads of its own here: a connection that one opened goes with it, unclosed.
loops_go = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


class Table:
    """Asks what the rows say, and gathers what is wrong with the answers."""

    def __init__(self, cast: dict[str, Asker], things: dict[str, str]) -> None:
        self.cast, self.things = cast, things
        self.wrong: dict[str, str] = {}
        self.asked = 0
        self.began = time.process_time()

    def path(self, row: Row) -> str:
        return row.path.format(**self.things)

    def filled(self, values: dict[str, str]) -> dict[str, bytes]:
        right = {name: value for name, value in values.items() if value != HOSTILE_ONLY}
        return {name: NAMED.sub(lambda found: self.things[found[1]], value).encode() for name, value in right.items()}

    def try_(self, row: Row, case: str, path: str | None = None, **request: object) -> Answer:
        """Ask as the row's person; `case` says what is hostile about it."""
        self.asked += 1
        path = path or self.path(row)
        with watched([]) as problems:
            answer = self.cast[row.who].ask(row.method, path, **request)
        problems += complaints(row, path, answer)
        if problems:
            self.wrong.setdefault(f"{row.method} {row.path}: {case}", f"{answer.status} {'; '.join(problems)}"[:400])
        return answer

    def assert_nothing_wrong(self) -> None:
        print(f"{self.asked} requests, {time.process_time() - self.began:.1f} s of CPU")
        if path := os.environ.get("EDGES_REPORT"):
            with open(path, "a") as report:
                report.writelines(f"{case}\n    {what}\n" for case, what in self.wrong.items())
        assert not self.wrong, f"{len(self.wrong)} of {self.asked}:\n" + "\n".join(
            f"{case}\n    {what}" for case, what in list(self.wrong.items())[:150]
        )


def complaints(row: Row, path: str, answer: Answer) -> list[str]:
    """What is not as it should be with an answer."""
    wrong = []
    waits = answer.status == 0 and path.startswith("/v1/")  # nobody writes what it waits for
    if answer.status not in STATUSES and answer.status not in row.statuses and not waits:
        wrong.append(f"status {answer.status}")
    if b"Traceback (most recent" in answer.body:
        wrong.append("a traceback")
    if answer.status >= 400 and (shape := shape_of_refusal(path, answer)):
        wrong.append(shape)
    return wrong


def shape_of_refusal(path: str, answer: Answer) -> str:
    """What is wrong with how a refusal is told; empty: nothing."""
    kind = answer.headers.get("content-type", "")
    if path.startswith("/api/"):
        is_told = kind == "application/problem+json" and answer.json["code"] and answer.json["title"]
    elif path.startswith("/v1/"):
        is_told = kind == "application/json" and answer.json["error"]["code"]
    else:
        return ""
    return "" if is_told else f"no code, but {kind}"


def encoded(values: dict[str, bytes]) -> bytes:
    return b"&".join(f"{name}={quote_from_bytes(value)}".encode() for name, value in values.items())


def request_of(table: Table, row: Row) -> dict[str, object]:
    request: dict[str, object] = {"query": encoded(table.filled(row.query))}
    if row.form:
        request |= {"headers": [FORM], "body": encoded(table.filled(row.form))}
    elif row.file:
        request |= {"headers": [MULTIPART], "body": FILE % row.file}
    elif row.body is not None:
        request |= {"headers": [JSON], "body": json.dumps(filled_body(table, row.body)).encode()}
    return request


def filled_body(table: Table, value: object) -> object:
    if isinstance(value, dict):
        return {name: filled_body(table, part) for name, part in value.items()}
    if isinstance(value, list):
        return [filled_body(table, part) for part in value]
    return NAMED.sub(lambda found: table.things[found[1]], value) if isinstance(value, str) and value != "{}" else value
