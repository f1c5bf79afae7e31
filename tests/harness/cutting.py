"""A TCP proxy that cuts connections: after so many bytes from the server, drawn by a seeded generator."""

import random
import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

STREAM_BYTES = (300, 6_000)  # that a WebSocket, or what takes its place, lives for: a few events, or a few dozen
REPLY_BYTES = (0, 20_000)  # that other connections live for: some never get a reply, some half of one, many all
READ_BYTES = 4_096


class CuttingProxy:
    """Passes everything on to `target` until it is armed. `cuts` counts the event streams, and others, it has cut."""

    def __init__(self, target: str, seed: int):
        address = urlsplit(target)
        self._target = address.hostname, address.port
        self._random = random.Random(seed)
        self._is_armed = False
        self.cuts = {"stream": 0, "other": 0}
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [self._begin(self._accept)]

    def arm(self, **bytes_of: tuple[int, int] | None) -> None:
        """Cut from now on, also what is open. `bytes_of` says how long a kind lives, None: until the last byte of what
        comes next. Kinds that it leaves out are spared, unless it is empty."""
        self._bytes_of = bytes_of or {"stream": STREAM_BYTES, "other": REPLY_BYTES}
        self._is_armed = True

    def disarm(self) -> None:
        self._is_armed = False

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()  # nothing new from here on
        self._listener.close()
        with self._lock:
            for end in self._ends:
                _hang_up(end)
        for thread in self._threads[1:]:
            thread.join()

    def _begin(self, work, *args) -> threading.Thread:
        thread = threading.Thread(target=work, args=args, daemon=True, name="cutting proxy")
        thread.start()
        return thread

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                browser, _ = self._listener.accept()
                self._threads.append(self._begin(self._serve, browser))

    def _serve(self, browser: socket.socket) -> None:
        with browser, suppress(OSError), socket.create_connection(self._target) as server:
            pair = {browser, server}
            with self._lock:
                self._ends |= pair
            try:
                self._connect(browser, server)
            finally:
                with self._lock:
                    self._ends -= pair

    def _connect(self, browser: socket.socket, server: socket.socket) -> None:
        request = browser.recv(READ_BYTES)
        server.sendall(request)
        up = self._begin(_pass_on, browser, server)
        try:
            is_stream = b"upgrade: websocket" in request.lower() or request.startswith(b"GET /streams?")
            self._pass_back(server, browser, "stream" if is_stream else "other")
        finally:
            for end in (server, browser):
                _hang_up(end)
            up.join()

    def _pass_back(self, server: socket.socket, browser: socket.socket, kind: str) -> None:
        left = None
        while data := server.recv(READ_BYTES):
            if self._is_armed and kind in self._bytes_of:
                left = (self._draw(kind, data) if left is None else left) - len(data)
                if left < 0:
                    self.cuts[kind] += 1
                    return browser.sendall(data[:left])  # in the middle of a frame, mostly
            browser.sendall(data)

    def _draw(self, kind: str, data: bytes) -> int:
        lives = self._bytes_of[kind]
        return self._random.randint(*lives) if lives else len(data) - 1


class SocketlessProxy(CuttingProxy):
    """Lets no WebSocket through: it is `refused`, `ignored` (no answer at all), or `mute` (opened, and then silent)."""

    def __init__(self, target: str, way: str):
        self.way, self.attempts = way, 0
        super().__init__(target, seed=0)

    def _connect(self, browser: socket.socket, server: socket.socket) -> None:
        request = browser.recv(READ_BYTES, socket.MSG_PEEK)
        if b"upgrade: websocket" not in request.lower():
            return super()._connect(browser, server)
        self.attempts += 1
        browser.recv(READ_BYTES)
        if self.way == "refused":
            browser.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        elif self.way == "mute":
            server.sendall(request)
            browser.sendall(server.recv(READ_BYTES).partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        while browser.recv(READ_BYTES):
            pass  # until the page gives it up
        _hang_up(server)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    """Until one of them hangs up; then both do."""
    with suppress(OSError):
        while data := source.recv(READ_BYTES):
            target.sendall(data)
    for end in (source, target):
        _hang_up(end)


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
