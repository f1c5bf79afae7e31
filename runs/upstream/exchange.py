"""One HTTP exchange with a model server: its address, key and headers, and what its failures are called."""

from collections.abc import Iterator
from contextlib import contextmanager

from runs.errors import (
    ProviderKeyMissing,
    ProviderMisconfigured,
    UpstreamDropped,
    UpstreamGarbage,
    UpstreamInterrupted,
    UpstreamSilent,
    UpstreamTooLarge,
    UpstreamUnreachable,
)
from runs.models import Provider
from runs.net.connection import Connection
from runs.net.errors import (
    ConnectError,
    ProtocolError,
    ProxyMisconfigured,
    ReadTimeout,
    ResponseTooLarge,
    ServerDisconnected,
)
from runs.net.inflate import ENCODINGS, inflate_excerpt
from runs.upstream.failures.classify import BODY_BYTES, failure_of_response

NO_ENCODINGS = {"", "identity", "none", "utf-8", "chunked", "8bit", "binary"}


def url_of(provider: Provider, path: str) -> str:
    """The address of `path` at the provider, such as "/chat/completions"."""
    return provider.base_url.rstrip("/") + path


def required_key(provider: Provider) -> str | None:
    """The provider's key; None if it needs none. Raises ProviderKeyMissing, ProviderKeyForbidden."""
    key = provider.key
    if key == "":
        raise ProviderKeyMissing(f"The environment variable {provider.key_env} is not set.")
    return key


def request_headers(key: str | None, accept: str) -> dict[str, str]:
    """Headers of a request with a JSON body; `key` is a secret, or None."""
    headers = {"Accept": accept, "Content-Type": "application/json", "User-Agent": "chatapp"}
    return headers | ({"Authorization": f"Bearer {key}"} if key else {})


@contextmanager
def upstream_errors() -> Iterator[None]:
    """Raise failures of the transport as ProviderMisconfigured or the Upstream… errors of runs/errors.py."""
    try:
        yield
    except ConnectError as error:
        raise UpstreamUnreachable(str(error)) from error
    except ProxyMisconfigured as error:
        raise ProviderMisconfigured(str(error)) from error
    except ReadTimeout as error:
        raise UpstreamSilent(str(error)) from error
    except ServerDisconnected as error:
        raise UpstreamDropped(str(error)) from error
    except ResponseTooLarge as error:
        raise UpstreamTooLarge(str(error)) from error
    except ProtocolError as error:
        raise UpstreamInterrupted(str(error)) from error


async def raise_for_response(response: Connection) -> None:
    """Raise for a response that is no answer, or compressed in a way that cannot be read."""
    encoding = encoding_of(response)
    if not 200 <= response.status < 300:
        body = await response.read_excerpt(BODY_BYTES)
        if encoding in ENCODINGS:
            body = inflate_excerpt(encoding, body, BODY_BYTES)
        raise failure_of_response(response.status, response.headers, body)
    if encoding != "identity" and encoding not in ENCODINGS:
        raise UpstreamGarbage(f"the response is compressed ({encoding}), although identity was requested")


def encoding_of(response: Connection) -> str:
    """As the header names it; "identity" too for what is no compression: some servers name a charset there."""
    names = response.headers.get("content-encoding", "").lower().replace(" ", "").split(",")
    return ",".join(name for name in names if name not in NO_ENCODINGS) or "identity"
