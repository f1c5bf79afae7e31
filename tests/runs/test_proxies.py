"""The way to a model server: proxies of the environment, several addresses, a company's certificates."""

import asyncio
import contextlib
import socket
import time

import pytest
import uvloop
from django.test import override_settings

from runs.errors import ProviderMisconfigured, UpstreamUnreachable
from runs.net import dialing
from runs.net.connection import Connection
from runs.net.proxies import proxy_for
from tests.runs.loopback import CHUNKED, END, Server, ask, chunks, event
from tests.runs.test_upstream_tls import authority, environment  # noqa: F401  (fixtures)

pytestmark = pytest.mark.one_database
HI = CHUNKED + chunks(event("Hi") + END, [50])


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, "https://api.example.org", None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "https://api.example.org", "http://proxy:3128"),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://api.example.org", None),
        ({"https_proxy": "proxy:3128"}, "https://api.example.org", "http://proxy:3128"),
        ({"HTTP_PROXY": "proxy.example.org"}, "http://api.example.org", "http://proxy.example.org"),
        ({"ALL_PROXY": "socks5://proxy:1080"}, "https://api.example.org", "socks5://proxy:1080"),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "example.org"}, "http://api.example.org", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://127.0.0.1:11434/v1", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://localhost:11434/v1", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://[::1]:11434/v1", None),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "example.org"}, "http://127.0.0.1:11434/v1", None),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": ""}, "http://127.0.0.1:11434/v1", "http://p:1"),
    ],
)
def test_the_environment_names_a_proxy_and_loopback_needs_none(environment, variables, url, proxy):  # noqa: F811
    environment.delenv("NO_PROXY")
    for name, value in variables.items():
        environment.setenv(name, value)
    assert proxy_for(url) == proxy


@pytest.mark.parametrize("value", ["http://", "http://proxy:0", "http://[::1", "socks4://proxy", "ftp://proxy"])
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_an_invalid_proxy_is_one_sentence_that_names_the_variable(environment, name, value):  # noqa: F811
    environment.setenv(name, value.replace("://", "://user:secret@"))
    with pytest.raises(ProviderMisconfigured, match=f"^{name} ") as refused:
        uvloop.run(ask("https://api.example.org/v1"))
    assert "secret" not in str(refused.value)


class SocksProxy:
    """A SOCKS5 proxy that connects to any port of this machine, whatever the name."""

    def __init__(self, status: int = 0, accepts: int = 2):
        self.status, self.accepts, self.names, self.users, self.tasks = status, accepts, [], [], []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        await asyncio.gather(*self.tasks)

    async def serve(self, reader, writer):
        self.tasks.append(asyncio.current_task())
        methods = (await reader.readexactly(3))[2:]
        is_accepted = methods[0] in (0, self.accepts)
        writer.write(bytes([5, methods[0] if is_accepted else 255]))
        if not is_accepted:
            writer.close()
            return
        if methods[0] == 2:
            name = await reader.readexactly((await reader.readexactly(2))[1])
            self.users.append((name, await reader.readexactly((await reader.readexactly(1))[0])))
            writer.write(b"\1\0")
        self.names.append(await reader.readexactly((await reader.readexactly(5))[4]))
        port = int.from_bytes(await reader.readexactly(2), "big")
        writer.write(bytes([5, self.status, 0, 1, 0, 0, 0, 0, 0, 0]))
        if self.status:
            writer.close()
            return
        there, onwards = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, onwards), _copy(there, writer))


async def _copy(reader, writer):
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(2**16):
            writer.write(data)
    writer.transport.abort()


def test_a_chat_goes_through_a_socks_proxy_which_resolves_the_name(environment):  # noqa: F811
    async def scenario():
        async with Server(HI) as server, SocksProxy() as proxy:
            environment.setenv("ALL_PROXY", f"socks5://user:pass%20word@{proxy.address}")
            assert await ask(server.url.replace("127.0.0.1", "upstream.invalid")) == "Hi"
            assert proxy.names == [b"upstream.invalid"] and proxy.users == [(b"user", b"pass word")]
            assert server.requests[0][0] == "POST /v1/chat/completions HTTP/1.1"

    uvloop.run(scenario())


def test_tls_is_spoken_through_a_socks_proxy(authority, environment):  # noqa: F811
    own, context = authority

    async def scenario():
        async with Server(HI, tls=context) as server, SocksProxy() as proxy:
            environment.setenv("HTTPS_PROXY", f"socks5h://{proxy.address}")
            with override_settings(UPSTREAM_CA_FILE=own):
                assert await ask(server.url) == "Hi"

    uvloop.run(scenario())


@pytest.mark.parametrize(("proxy", "words"), [(SocksProxy(status=5), "refused"), (SocksProxy(accepts=0), "log-in")])
def test_what_a_socks_proxy_answers_is_told_to_staff(environment, proxy, words):  # noqa: F811
    async def scenario():
        async with proxy:
            environment.setenv("ALL_PROXY", f"socks5://user:secret@{proxy.address}")
            with pytest.raises(UpstreamUnreachable, match=words) as refused:
                await ask("http://upstream.invalid:9/v1")
            assert "secret" not in str(refused.value)

    uvloop.run(scenario())


def test_a_company_s_authority_is_trusted_beside_the_system_s(authority, environment):  # noqa: F811
    own, context = authority

    async def scenario():
        async with Server(HI, tls=context) as server:
            with override_settings(UPSTREAM_CA_FILE=own):
                assert await ask(server.url) == "Hi"
            with override_settings(UPSTREAM_CA_FILE="/nowhere/ca.pem"):
                with pytest.raises(UpstreamUnreachable, match="UPSTREAM_CA_FILE cannot be read"):
                    await ask(server.url)

    uvloop.run(scenario())


def test_an_address_that_does_not_answer_costs_a_fraction_of_a_second(monkeypatch):
    """A host with a broken IPv6 address took the whole 10 s of a connection's limit."""

    async def scenario():
        full = socket.create_server(("127.0.0.1", 0), backlog=0)
        fillers = [socket.socket() for _ in range(3)]  # fill the queue: further connections are not answered
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        started = []

        async def connect_to(factory, address, host, port, tls):
            started.append((address, time.monotonic()))
            target = full.getsockname()[1] if address == "::1" else port
            return (await asyncio.get_running_loop().create_connection(factory, "127.0.0.1", target))[1]

        async def addresses(host, port):
            return ["::1", "127.0.0.1"]

        monkeypatch.setattr(dialing, "_addresses_of", addresses)
        monkeypatch.setattr(dialing, "_connect_to", connect_to)
        async with Server(HI) as server:
            connection = await dialing.connect(Connection, "host.example", server.port)
            assert connection.transport.get_extra_info("peername")[1] == server.port
            connection.close()
        assert [address for address, _at in started] == ["::1", "127.0.0.1"]
        for one in (full, *fillers):
            one.close()

    uvloop.run(scenario())


def test_the_next_address_follows_at_once_where_one_refuses(monkeypatch):
    async def addresses(host, port):
        return ["127.0.0.9", "127.0.0.1"]

    async def scenario():
        monkeypatch.setattr(dialing, "_addresses_of", addresses)
        monkeypatch.setattr(dialing, "STAGGER_SECONDS", 3_600)
        async with Server(HI) as server:
            connection = await dialing.connect(Connection, "host.example", server.port)
            connection.close()
        with pytest.raises(OSError, match="refused"):
            await dialing.connect(Connection, "host.example", server.port)

    uvloop.run(scenario())
