"""TLS with a private certificate authority, and proxies, on real sockets."""

import asyncio
import contextlib
import datetime
import ipaddress
import ssl

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from runs.errors import UpstreamUnreachable
from tests.runs.loopback import CHUNKED, END, Server, ask, chunks, event, read_request

pytestmark = pytest.mark.one_database


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """The file of a private CA, and a server's TLS context signed by it."""
    directory = tmp_path_factory.mktemp("tls")
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    keys = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ours, theirs = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("own CA", "upstream"))

    def certificate(subject, key, is_ca: bool):
        draft = x509.CertificateBuilder().subject_name(subject).issuer_name(ours).public_key(key.public_key())
        draft = draft.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
        draft = draft.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        return draft.add_extension(names, critical=False).sign(keys[0], hashes.SHA256())

    pem = serialization.Encoding.PEM
    (directory / "ca.pem").write_bytes(certificate(ours, keys[0], True).public_bytes(pem))
    private = keys[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "server.pem").write_bytes(private + certificate(theirs, keys[1], False).public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")
    return str(directory / "ca.pem"), context


class Proxy:
    """An HTTP proxy that opens tunnels to any address."""

    def __init__(self, status: bytes = b"200 OK"):
        self.status, self.asked, self.tasks = status, [], []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        await asyncio.gather(*self.tasks)

    async def serve(self, reader, writer):
        self.tasks.append(asyncio.current_task())
        line, headers, body = await read_request(reader)
        self.asked.append((line, headers))
        method, target, _ = line.split()
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 %b\r\n\r\n" % self.status)
            host, port = target.split(":")
        else:
            host, port = target.split("/")[2].split(":")
        if self.status.startswith(b"200"):
            there, onwards = await asyncio.open_connection(host, int(port))
            if method != "CONNECT":
                onwards.write(f"POST /relayed HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            await asyncio.gather(_pipe(reader, onwards), _pipe(there, writer))
        writer.close()


async def _pipe(reader, writer):
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(2**16):
            writer.write(data)
    writer.transport.abort()


@pytest.fixture
def environment(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("NO_PROXY", "")  # otherwise no proxy stands before this machine
    return monkeypatch


def test_tls_is_spoken_with_whom_a_known_authority_vouches_for(authority, environment):
    own, context = authority

    async def scenario():
        async with Server(CHUNKED + chunks(event("Hi") + END, [50]), tls=context) as server:
            with pytest.raises(UpstreamUnreachable, match="certificate verify failed"):
                await ask(server.url)
            environment.setenv("SSL_CERT_FILE", own)
            assert await ask(server.url) == "Hi"
            with pytest.raises(UpstreamUnreachable, match="match"):
                await ask(server.url.replace("127.0.0.1", "localhost"))

    uvloop.run(scenario())


def test_a_tunnel_leads_through_the_proxy_that_the_environment_names(authority, environment):
    own, context = authority
    environment.setenv("SSL_CERT_FILE", own)

    async def scenario():
        async with Server(CHUNKED + chunks(event("Hi") + END, [50]), tls=context) as server, Proxy() as proxy:
            environment.setenv("HTTPS_PROXY", f"http://user:pass%20word@{proxy.address}")
            assert await ask(server.url) == "Hi"
            line, headers = proxy.asked[0]
            assert line == f"CONNECT 127.0.0.1:{server.port} HTTP/1.1"
            assert headers["Proxy-Authorization"] == "Basic dXNlcjpwYXNzIHdvcmQ="
            assert "secret" not in str(proxy.asked)
            environment.setenv("NO_PROXY", "127.0.0.1")
            assert (await ask(server.url), len(proxy.asked)) == ("Hi", 1)

    uvloop.run(scenario())


def test_a_proxy_that_refuses_makes_the_upstream_unreachable(authority, environment):
    async def scenario():
        async with Proxy(b"403 Forbidden") as proxy:
            environment.setenv("HTTPS_PROXY", f"http://{proxy.address}")
            with pytest.raises(UpstreamUnreachable, match="403"):
                await ask("https://upstream.invalid/v1")

    uvloop.run(scenario())


def test_without_tls_the_proxy_is_told_the_whole_address(environment):
    async def scenario():
        async with Server(CHUNKED + chunks(event("Hi") + END, [50])) as server, Proxy() as proxy:
            environment.setenv("HTTP_PROXY", f"http://{proxy.address}")
            assert await ask(server.url) == "Hi"
            assert proxy.asked[0][0] == f"POST {server.url} HTTP/1.1"

    uvloop.run(scenario())
