"""A receiver of webhooks on loopback, which keeps what it gets and answers as the path says."""

import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass

from tests.harness.facts import PATIENCE_SECONDS

ANSWERS = {
    "/ok": b"HTTP/1.1 204 No Content\r\n\r\n",
    "/said": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nth\0nk",
    "/broken": b"HTTP/1.1 500 Oops\r\nContent-Length: 6\r\n\r\nbroken",
    "/busy": b"HTTP/1.1 503 Busy\r\nRetry-After: 77\r\nContent-Length: 0\r\n\r\n",
    "/gone": b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
    "/moved": b"HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n",
    "/garbage": b"\x00\xff\xfe this is no HTTP\r\n\r\n",
    "/silent": b"",  # closes without a word
}
DRIPS = {"/drip": b"Content-Length: 99999\r\n\r\n", "/drip-head": b"X: "}  # then a byte now and then, without an end


@dataclass
class Received:
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


class Receiver:
    """`tls`: a server's context. At `/stall` it answers nothing until `release` is set.

    With a `greeting` it says that, and then a byte now and then, whoever comes.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, greeting: bytes = b""):
        self.tls, self.greeting, self.received = tls, greeting, []
        self.release, self._news, self._over = threading.Event(), threading.Condition(), threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._over.set()
        self.release.set()
        self._server.close()

    def wait_for(self, count: int, path: str = "") -> list[Received]:
        """What has come to `path` (or anywhere), when it is that many."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.at(path)) >= count, PATIENCE_SECONDS), self.received
        return self.at(path)

    def at(self, path: str) -> list[Received]:
        return [received for received in list(self.received) if received.path.startswith(path)]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self.greeting:
                self._drip(connection, self.greeting)
            elif self.tls is None:
                self._answer(connection)
            else:
                with self.tls.wrap_socket(connection, server_side=True) as stream:
                    self._answer(stream)

    def _answer(self, stream: socket.socket) -> None:
        path = self._receive(stream)
        if path.startswith("/stall"):
            self.release.wait()
        if path in DRIPS:
            self._drip(stream, b"HTTP/1.1 200 OK\r\n" + DRIPS[path])
        elif path == "/endless":
            self._pour(stream)
        else:
            stream.sendall(ANSWERS.get(path, ANSWERS["/ok"]))

    def _receive(self, stream: socket.socket) -> str:
        with stream.makefile("rb") as file:
            return self._keep(file)

    def _keep(self, file) -> str:
        path = file.readline().split()[1].decode()
        headers = {}
        while line := file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = file.read(int(headers.get("content-length", 0)))
        with self._news:
            self.received.append(Received(path, headers, body))
            self._news.notify_all()
        return path

    def _drip(self, stream: socket.socket, beginning: bytes) -> None:
        stream.sendall(beginning)
        while not self._over.wait(0.02):
            stream.sendall(b"a")

    def _pour(self, stream: socket.socket) -> None:
        stream.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not self._over.is_set():
            stream.sendall(b"x" * 65536)
