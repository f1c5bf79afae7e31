"""Small questions about TCP ports and HTTP servers of this machine."""

import http.client
import socket


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def can_listen(host: str, port: int) -> OSError | None:
    """None if a server could listen there, else the reason why not."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as daphne does: ignore TIME_WAIT
            probe.bind(address)
            probe.listen()
    except OSError as error:
        return error
    return None


def answers_ok(host: str, port: int, path: str, host_header: str = "") -> bool:
    """Does an HTTP server answer 200? Waits at most 5 s; never goes through a proxy."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host_header} if host_header else {})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
