"""The proxy that the environment names for an address: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY."""

import ipaddress
import os
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from runs.net.errors import ProxyMisconfigured

SCHEMES = ("http", "https", "socks5", "socks5h")  # of proxies


class _Variable(NamedTuple):
    name: str  # as it is written in the environment
    value: str


def proxy_for(url: str) -> str | None:
    """The URL of the proxy for `url`; None for a direct connection.

    This machine's own addresses are reached directly, as if NO_PROXY named them, unless NO_PROXY is set and empty.
    Raises ProxyMisconfigured, whose text names the variable that is invalid.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if proxy_bypass_environment(host) or (is_loopback(host) and not _has_empty_no_proxy(os.environ)):
        return None
    variable = _variable_for(parts.scheme)
    return None if variable is None else _proxy_url(variable)


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _has_empty_no_proxy(environment: Mapping[str, str]) -> bool:
    values = [environment[name] for name in ("NO_PROXY", "no_proxy") if name in environment]
    return bool(values) and not any(value.strip() for value in values)


def _variable_for(scheme: str) -> _Variable | None:
    proxies = getproxies_environment()
    for kind in (scheme, "all"):
        if value := proxies.get(kind, "").strip():
            name = f"{kind}_proxy"
            return _Variable(name if os.environ.get(name, "").strip() == value else name.upper(), value)
    return None


def _proxy_url(variable: _Variable) -> str:
    """The variable's URL; without a scheme it is an HTTP proxy. Messages leave it out: it may hold a password."""
    url = variable.value if "://" in variable.value else f"http://{variable.value}"
    try:
        parts = urlsplit(url)
        is_complete = bool(parts.hostname) and parts.port != 0
    except ValueError:  # malformed brackets or port
        is_complete = False
    if not is_complete:
        raise ProxyMisconfigured(f"{variable.name} is not a URL such as http://proxy:3128")
    if parts.scheme not in SCHEMES:
        raise ProxyMisconfigured(
            f"{variable.name} names a proxy of a kind that is not supported; use {', '.join(SCHEMES[:-1])}"
        )
    return url
