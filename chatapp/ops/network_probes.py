"""Probe TCP ports and HTTP servers of this machine."""

import http.client
import socket


def free_port() -> int:
    """A TCP port that is free on the loopback interface right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listen_error(host: str, port: int) -> OSError | None:
    """Why a server cannot listen there; None if it can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as daphne does: ignore TIME_WAIT
            probe.bind(address)
            probe.listen()
    except OSError as error:
        return error
    return None


def responds_ok(host: str, port: int, path: str, host_header: str = "") -> bool:
    """Whether an HTTP server responds with 200. Waits up to 5 s; never uses a proxy."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host_header} if host_header else {})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
