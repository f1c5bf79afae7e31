"""One POST to an address that a user has chosen. Nothing of what it names or answers is trusted.

The name is looked up once, every address that comes back has to be public, and the connection goes to just that
address: a name that changes its mind in between reaches nothing. No redirect is followed, no proxy of the environment
is asked. One attempt ends within its time whatever the receiver does, and reads a bounded answer.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from runs.net.address_guard import AddressNotPublic, UnknownHost, is_public, resolve_public

ANSWER_BYTES = 4096  # read of an answer: enough to see what was wrong


class Unsendable(Exception):
    """There is no answer, and the text says why: for the owner to read."""


class Answer(NamedTuple):
    status: int
    text: str
    retry_after: str


def what_is_wrong_with(url: str) -> str:
    """Why nothing will ever be sent to this address; empty if something may."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # brackets or a port that make no sense
        return "This is no address."
    schemes = ("https", "http") if settings.WEBHOOK_PRIVATE_NETWORKS else ("https",)
    if parts.scheme not in schemes or not host or port == 0:
        return f"An address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)} is needed."
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "An address has no spaces, and other letters than those of ASCII are written as in xn-- or %C3%A9."
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "No name, password or fragment: the signature says who is sending."
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return ""
    return "" if may_be_reached(host) else "This address is not a public one."


def may_be_reached(address: str) -> bool:
    """Whether this site sends to an IP address: public ones only, unless it is set up for private networks."""
    return settings.WEBHOOK_PRIVATE_NETWORKS or is_public(address)


def post(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    """Send `body` and read the answer, within WEBHOOK_SECONDS. Raises Unsendable."""
    if wrong := what_is_wrong_with(url):
        raise Unsendable(wrong)
    parts = urlsplit(url)
    connection = _connection(parts, _address_of(parts))
    try:
        with _ended_in_time(connection):
            connection.request("POST", _target(parts), body, headers)
            response = connection.getresponse()
            text = response.read(ANSWER_BYTES).decode("utf-8", "replace")
            return Answer(response.status, _storable(text), response.headers.get("Retry-After", ""))
    except TimeoutError:
        raise Unsendable(f"No answer within {settings.WEBHOOK_SECONDS:g} s.") from None
    except ssl.SSLCertVerificationError as error:
        raise Unsendable(f"The certificate is not good: {error.verify_message}.") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unsendable(_storable(f"No answer: {type(error).__name__}: {error}"[:300])) from None
    finally:
        connection.close()


def _storable(text: str) -> str:
    """PostgreSQL takes no NUL, and what a receiver says may be anything."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _address_of(parts: SplitResult) -> str:
    """The IP address to connect to."""
    try:
        return resolve_public(parts.hostname or "", parts.port or 443, settings.WEBHOOK_PRIVATE_NETWORKS)
    except UnknownHost:
        raise Unsendable("The name of the receiver is not known.") from None
    except AddressNotPublic:
        raise Unsendable("The receiver's address is not a public one.") from None


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Plain(http.client.HTTPConnection):
    """Connects to the address that was checked before; the name is used for TLS and Host only."""

    address = ""

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)


class _Encrypted(_Plain):
    default_port = 443

    def connect(self) -> None:
        super().connect()
        # The wrapped one is there before the handshake: it is what is shut when the time is over.
        self.sock = _tls().wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock.do_handshake()


def _connection(parts: SplitResult, address: str) -> _Plain:
    kind = _Encrypted if parts.scheme == "https" else _Plain
    connection = kind(parts.hostname, parts.port, timeout=settings.WEBHOOK_SECONDS)
    connection.address = address
    return connection


@contextmanager
def _ended_in_time(connection: _Plain):
    """A socket's timeout begins anew with every byte. So this shuts the connection when the time for all is over."""
    is_late = threading.Event()

    def end() -> None:
        is_late.set()
        if connection.sock is not None:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    timer = threading.Timer(settings.WEBHOOK_SECONDS, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError):
        if is_late.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
    if is_late.is_set():
        raise TimeoutError
