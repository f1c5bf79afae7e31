"""Which addresses a server may connect to on behalf of a user: public ones only (SSRF).

Resolve a host name once with `resolve_public`, and connect to the returned address: a name whose records change in
between then leads nowhere else.
"""

import ipaddress
import socket

PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
# Networks that `is_global` accepts in some versions of Python: 6to4, which embeds any IPv4 address, and its relays;
# addresses for use between protocols.
NOT_PUBLIC = [ipaddress.ip_network(network) for network in ("2002::/16", "192.88.99.0/24", "192.0.0.0/24")]


class AddressNotPublic(Exception):
    """The address, or one of those of a host name, is not public."""


class UnknownHost(Exception):
    """The host name cannot be resolved."""


def is_public(address: str) -> bool:
    """Whether an IP address is public and unicast. Raises ValueError if it is not an IP address."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip not in PUBLIC_IPV6:  # also those that embed an IPv4 address
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in NOT_PUBLIC)


def resolve_public(host: str, port: int, allow_private: bool = False) -> str:
    """Resolve a host name to one IP address. Raises UnknownHost, AddressNotPublic.

    A single address that is not public makes all of them suspect. `allow_private` accepts any address.
    """
    try:
        records = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnknownHost(host) from error
    addresses = [str(record[4][0]) for record in records]
    if not addresses or not (allow_private or all(is_public(address.partition("%")[0]) for address in addresses)):
        raise AddressNotPublic(host)
    return addresses[0]
