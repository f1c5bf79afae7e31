"""The WebSocket and the event streams: what a client says on them, and how many of them one user may have."""

import asyncio
import gc
import json
import logging

import pytest
from django.conf import settings as site
from django.contrib.auth import get_user_model

from streams.transports.connection_limit import connections_of
from streams.transports.page_connection import BAD_MESSAGE, NOT_LOGGED_IN, TOO_MANY
from streams.transports.positions import LAST, position_of
from streams.transports.websocket import stream_socket
from tests.edges import hostile
from tests.edges.asking import InPlace
from tests.edges.filling import some

UNKNOWN = "0198c0de-5d1e-7c3a-9a51-5a3c2f6f9a10"


class Client:
    """One end of a socket in this process."""

    def __init__(self, cast, who: str = "alice") -> None:
        cookies = dict(part.split("=") for part in dict(cast[who].headers)[b"cookie"].decode().split("; "))
        self.scope = {"type": "websocket", "cookies": cookies}
        self.incoming: asyncio.Queue[dict] = asyncio.Queue()
        self.outgoing: asyncio.Queue[dict] = asyncio.Queue()
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(stream_socket(self.scope, self.incoming.get, self.send))

    async def send(self, message: dict) -> None:
        """What the server sends; `websocket.accept` is of no interest."""
        if message["type"] != "websocket.accept":
            self.outgoing.put_nowait(message)

    def say(self, text: str | None, **more: object) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "text": text, **more})

    async def hear(self) -> dict:
        """The next envelope that is no heartbeat, or what the connection is closed with."""
        async with asyncio.timeout(20):
            while True:
                message = await self.outgoing.get()
                if message["type"] == "websocket.close":
                    return {"closed": message["code"]}
                content = json.loads(message["text"])
                envelope = content[0] if isinstance(content, list) else content
                if envelope["kind"] != "heartbeat":
                    return envelope

    async def leave(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})
        async with asyncio.timeout(20):
            await asyncio.gather(self.task, return_exceptions=True)


def frames(stream: str) -> dict[str, str]:
    """Messages with something in one place that should not be there."""
    cases = {}
    for case, value in some(hostile.JSON_TEXTS).items():
        cases |= {
            f"only {case}": value,
            f"follow {case}": f'{{"follow": {value}}}',
            f"after {case}": f'{{"follow": "{stream}", "after": {value}}}',
            f"unfollow {case}": f'{{"unfollow": {value}}}',
            f"ack {case}": f'{{"ack": {value}}}',
            f"ack up to {case}": f'{{"ack": {{"{stream}": {value}}}}}',
            f"more {case}": f'{{"follow": "{stream}", "after": 0, "more": {value}}}',
        }
        if value.startswith('"'):
            cases[f"ack of {case}"] = f'{{"ack": {{{value}: 1}}}}'
    return cases


def test_whatever_a_client_says_it_is_followed_refused_or_closed_as_the_protocol_has_it(cast, things, caplog):  # B25
    """`after` of 2^63 ended the connection with 4500, over and over."""
    logging.disable(logging.NOTSET)
    wrong = {}

    async def say_all() -> None:
        for case, text in frames(things["run"]).items():
            client = Client(cast)
            client.say(text)
            client.say(json.dumps({"follow": UNKNOWN}))  # the answer to which shows that it lives
            heard = []
            while not heard or not ("closed" in heard[-1] or heard[-1]["stream"] == UNKNOWN):
                heard.append(await client.hear())
            if heard[-1].get("closed") not in (None, BAD_MESSAGE):
                wrong[case] = heard[-1]
            await client.leave()

    asyncio.run(say_all())
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert (wrong, errors) == ({}, [])


def test_what_is_no_message_closes_the_socket(cast):
    async def heard() -> list[dict]:
        messages = []
        for message in ({"text": None, "bytes": b"\xff"}, {"text": ""}, {"text": "[" * 9_000}, {"text": "x" * 10_001}):
            client = Client(cast)
            client.say(**message)
            messages.append(await client.hear())
            await client.leave()
        return messages

    assert asyncio.run(heard()) == [{"closed": BAD_MESSAGE}] * 4


POSITIONS = {"7": 7, 7: 7, "007": 7, "-1": 0, -1: 0, "": 0, "x": 0, "²": 0, "٣": 0, "1.5": 0, 1.5: 0, None: 0, True: 0}
POSITIONS |= {2**63: LAST, str(2**63): LAST, "9" * 5000: LAST, "0" * 5000: 0, -(2**63) - 1: 0, LAST: LAST, "1e3": 0}


@pytest.mark.parametrize(("value", "position"), POSITIONS.items(), ids=range(len(POSITIONS)))
def test_a_position_is_a_number_that_every_database_compares(value, position):  # B25
    assert position_of(value) == position


def test_a_position_beyond_every_number_is_one_in_the_future(cast, things):  # B25
    async def heard() -> list[dict]:
        client = Client(cast)
        client.say(json.dumps({"follow": things["run"], "after": 2**63 - 1}))
        messages = [await client.hear() for _ in range(2)]
        await client.leave()
        return messages

    resync, first = asyncio.run(heard())
    assert (resync["kind"], first["kind"], first["seq"]) == ("resync", "run.queued", 1)


# -- how many -------------------------------------------------------------------------------------


def test_a_socket_too_many_is_told_so_and_closed(cast, things, settings):
    """One user held 700."""
    settings.USER_MAX_CONNECTIONS = 3

    async def counted() -> tuple[list, list]:
        clients = [Client(cast) for _ in range(3)]
        for client in clients:
            client.say(json.dumps({"follow": UNKNOWN}))
            await client.hear()
        late = Client(cast)
        refusal = [await late.hear(), await late.hear()]
        other = Client(cast, "charlie")
        other.say(json.dumps({"follow": UNKNOWN}))
        others = await other.hear()
        await clients[0].leave()
        again = Client(cast)
        again.say(json.dumps({"follow": UNKNOWN}))
        then = await again.hear()
        for client in (*clients[1:], late, other, again):
            await client.leave()
        return refusal, [others, then]

    refusal, going_on = asyncio.run(counted())
    assert refusal[0]["data"]["code"] == "too_many_connections"
    assert refusal[1] == {"closed": TOO_MANY}
    assert [envelope["data"]["code"] for envelope in going_on] == ["not_found", "not_found"]
    assert connections_of(get_user_model().objects.get(username="alice").pk) == 0


def test_thirty_tabs_are_not_too_many(cast):
    assert site.USER_MAX_CONNECTIONS >= 3 * 30


def test_a_stranger_s_socket_holds_nothing(cast):
    async def heard() -> dict:
        client = Client({"": cast[""]}, "")
        message = await client.hear()
        await client.leave()
        return message

    assert asyncio.run(heard()) == {"closed": NOT_LOGGED_IN}


STREAMS = {
    "/runs/{run}/events": ("alice", ""),
    "/admin/runs/run/{run}/events": ("charlie", ""),
    "/api/v1/runs/{run}/events": ("program", "too_many_connections"),
    "/api/chat/{session}/stream": ("program", "too_many_connections"),
    "/v1/responses/{response}": ("program", "too_many_connections"),
}


def test_a_stream_too_many_is_429_with_a_time_to_come_back(cast, things, settings):
    settings.USER_MAX_CONNECTIONS = 1
    for path, (who, code) in STREAMS.items():
        asker, address, held = cast[who], path.format(**things), []
        query = b"stream=true" if path.startswith("/v1/") else b""
        asker.application = Keeping(held, InPlace())
        assert asker.ask("GET", address, query).status == 200, path
        refused = asker.ask("GET", address, query)
        assert (refused.status, refused.headers["retry-after"]) == (429, "15"), path
        if code:
            assert (refused.json.get("code") or refused.json["error"]["code"]) == code
        held.clear()
        gc.collect()
        assert asker.ask("GET", address, query).status == 200, path
        held.clear()
        gc.collect()


class Keeping:
    """The application, whose streams' bodies are kept as if they were being served."""

    def __init__(self, held: list, handler: InPlace) -> None:
        send_response = handler.send_response

        async def keep(response, send) -> None:
            held.append(getattr(response, "body", None))
            await send_response(response, send)

        handler.send_response = keep
        self._handler = handler

    async def __call__(self, *args) -> None:
        await self._handler(*args)


def test_streams_whose_clients_left_before_they_began_are_not_counted(cast, things, settings):
    settings.USER_MAX_CONNECTIONS = 1
    statuses = [cast["alice"].ask("GET", f"/runs/{things['run']}/events").status for _ in range(5)]
    assert statuses == [200] * 5
