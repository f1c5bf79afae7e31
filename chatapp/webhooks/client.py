"""POST to a URL chosen by a user. Neither the URL nor the response is trusted.

The name is resolved once, every resolved address must be public, and the connection goes to exactly that address, so
DNS rebinding has no effect. Redirects are not followed and the environment's proxies are not used. An attempt ends
within its time limit whatever the receiver does, and reads a bounded response.
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

ANSWER_BYTES = 4096  # bytes read of a response: enough to see what was wrong


class Unsendable(Exception):
    """There is no response. The text says why, for the owner."""


class Answer(NamedTuple):
    status: int
    text: str
    retry_after: str


def address_fault(url: str) -> str:
    """Why this URL is not accepted; empty if it is."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # malformed brackets or port
        return "This is not a valid address."
    schemes = ("https", "http") if settings.WEBHOOK_PRIVATE_NETWORKS else ("https",)
    if parts.scheme not in schemes or not host or port == 0:
        return f"Enter an address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}."
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "Remove spaces, and encode letters that are not ASCII, as in xn-- or %C3%A9."
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "Remove the user name, password or fragment. The signature identifies the sender."
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return ""
    return "" if is_allowed(host) else "This address is not public."


def is_allowed(address: str) -> bool:
    """Whether this site sends to an IP address: only public ones, unless private networks are allowed."""
    return settings.WEBHOOK_PRIVATE_NETWORKS or is_public(address)


def post(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    """Send `body` and read the response, within WEBHOOK_SECONDS. Raises Unsendable."""
    if fault := address_fault(url):
        raise Unsendable(fault)
    parts = urlsplit(url)
    connection = _connection(parts, _address_of(parts))
    try:
        with _deadline(connection):
            connection.request("POST", _target(parts), body, headers)
            response = connection.getresponse()
            text = response.read(ANSWER_BYTES).decode("utf-8", "replace")
            return Answer(response.status, _storable(text), response.headers.get("Retry-After", ""))
    except TimeoutError:
        raise Unsendable(f"No response within {settings.WEBHOOK_SECONDS:g} s.") from None
    except ssl.SSLCertVerificationError as error:
        raise Unsendable(f"The certificate is invalid: {error.verify_message}.") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unsendable(_storable(f"No response: {type(error).__name__}: {error}"[:300])) from None
    finally:
        connection.close()


def _storable(text: str) -> str:
    """Decode a response for the database: PostgreSQL does not accept NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _address_of(parts: SplitResult) -> str:
    """The IP address to connect to."""
    try:
        return resolve_public(parts.hostname or "", parts.port or 443, settings.WEBHOOK_PRIVATE_NETWORKS)
    except UnknownHost:
        raise Unsendable("The receiver's host name could not be resolved.") from None
    except AddressNotPublic:
        raise Unsendable("The receiver's address is not public.") from None


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Plain(http.client.HTTPConnection):
    """Connects to the address that was checked; the name is used only for TLS and Host."""

    address = ""

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)


class _Encrypted(_Plain):
    default_port = 443

    def connect(self) -> None:
        super().connect()
        # Set before the handshake, so that the deadline can shut the wrapped socket.
        self.sock = _tls().wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock.do_handshake()


def _connection(parts: SplitResult, address: str) -> _Plain:
    kind = _Encrypted if parts.scheme == "https" else _Plain
    connection = kind(parts.hostname, parts.port, timeout=settings.WEBHOOK_SECONDS)
    connection.address = address
    return connection


@contextmanager
def _deadline(connection: _Plain):
    """Shut the connection at the overall deadline: a socket's own timeout restarts with every byte."""
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
