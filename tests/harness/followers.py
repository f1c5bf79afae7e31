"""Followers over SSE and WebSocket that keep every received envelope with its time."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from streams.events import FINAL_KINDS
from tests.harness.facts import PATIENCE_SECONDS


@dataclass(frozen=True)
class Envelope:
    """A received envelope. `at` is `time.monotonic()`."""

    stream: str
    seq: int
    kind: str
    data: dict
    at: float = field(compare=False)


class Follower:
    """Follows one stream in a thread of its own, from position `after`."""

    def __init__(self, stream: str, after: int):
        self.stream, self.after = str(stream), after
        self.envelopes: list[Envelope] = []
        self.ended = False  # the connection is closed, by whichever side
        self.status: int | None = None  # of the HTTP response that began it
        self.failure: BaseException | None = None
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"follower of {stream}")

    def start(self):
        self._thread.start()
        return self

    def _run(self) -> None:
        try:
            self._follow()
        except (OSError, http.client.HTTPException, WebSocketException, ValueError, AttributeError) as error:
            self.failure = error  # an end of the connection is for the test to judge
        finally:
            with self._news:
                self.ended = True
                self._news.notify_all()

    def _follow(self) -> None:
        raise NotImplementedError

    def _keep(self, text: str | bytes) -> Envelope:
        """Keep an envelope, or all of an array; return the last one. The server's greeting is not kept."""
        now, values = time.monotonic(), json.loads(text)
        envelopes = [
            Envelope(value["stream"], value["seq"], value["kind"], value["data"], now)
            for value in (values if isinstance(values, list) else [values])
        ]
        is_greeting = not self.envelopes and envelopes[0].kind == "heartbeat"
        with self._news:
            self.envelopes += [] if is_greeting else envelopes
            self._news.notify_all()
        return envelopes[-1]

    def wait(self, fact: Callable[["Follower"], object], what: str, patience: float = PATIENCE_SECONDS):
        """Block until `fact(self)` is true; AssertionError with the received envelopes if it does not become true."""
        with self._news:
            if not self._news.wait_for(lambda: fact(self), patience):
                raise AssertionError(f"{what}: not within {patience:g} s. Heard: {self.envelopes[-5:]}")
        return self

    def becomes(self, fact: Callable[["Follower"], object], seconds: float) -> bool:
        """Whether `fact(self)` is true, at the latest after so many seconds."""
        with self._news:
            return bool(self._news.wait_for(lambda: fact(self), seconds))

    def drop(self) -> None:
        """Disconnect without closing, like a phone that loses its network."""
        raise NotImplementedError

    def wait_for_seq(self, seq: int):
        return self.wait(lambda self: self.last_seq >= seq, f"seq {seq}")

    def wait_for_text(self, text: str):
        return self.wait(lambda self: text in self.text, f"the text {text!r}")

    def wait_for_final(self) -> Envelope:
        self.wait(lambda self: self.final, "the final event")
        return self.final

    def wait_for_end(self):
        """The connection is closed. The final event has come before it, unless it was interrupted."""
        return self.wait(lambda self: self.ended, "the end of the connection")

    @property
    def events(self) -> list[Envelope]:
        """The events of the stream, without control events (seq 0)."""
        return [envelope for envelope in list(self.envelopes) if envelope.seq]

    @property
    def last_seq(self) -> int:
        return max((envelope.seq for envelope in list(self.envelopes)), default=0)

    @property
    def text(self) -> str:
        """The text that a reader of this connection would see."""
        text = ""
        for envelope in self.events:
            if envelope.kind == "text.delta":
                text += envelope.data["text"]
            elif envelope.kind == "snapshot":
                text = envelope.data["text"]
        return text

    @property
    def final(self) -> Envelope | None:
        return next((envelope for envelope in self.events if envelope.kind in FINAL_KINDS), None)


class SseFollower(Follower):
    """Reads `GET path?after=` as server-sent events. `comments` counts the comment lines."""

    def __init__(self, url: str, path: str, stream: str, after: int, headers: dict[str, str]):
        super().__init__(stream, after)
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        self.path, self.headers, self.comments = f"{path}?after={after}", headers, 0
        self.response_headers: dict[str, str] = {}

    def _follow(self) -> None:
        self.connection.request("GET", self.path, headers={"Accept": "text/event-stream", **self.headers})
        with closing(self.connection), self.connection.getresponse() as response:
            self.status = response.status
            self.response_headers = {name.lower(): value for name, value in response.getheaders()}
            if response.status == 200:
                self._read(response)

    def _read(self, response: http.client.HTTPResponse) -> None:
        event_id = None
        for line in response:
            if line.startswith(b"id:"):
                event_id = int(line[3:])
            elif line.startswith(b"data:"):
                envelope = self._keep(line[5:])
                assert envelope.seq in (0, event_id), f"id {event_id} on {envelope}"
            elif line.startswith(b":"):
                with self._news:
                    self.comments += 1
                    self._news.notify_all()

    def close(self) -> None:
        """Disconnect like a browser whose tab is closed."""
        if self.connection.sock is not None:
            try:
                self.connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._thread.join(PATIENCE_SECONDS)

    drop = close


class PageFollower(SseFollower):
    """Follows streams over `GET /streams`, as a page does where there is no WebSocket: `more` are further streams.

    `close_code` is what the server ended the response with, as with a WebSocket.
    """

    def __init__(self, url: str, stream: str, after: int, headers: dict[str, str], more: tuple[str, ...] = ()):
        super().__init__(url, "/streams", stream, after, headers)
        follow = [f"{stream}:{after}", *(f"{other}:0" for other in more)]
        self.path = f"/streams?{urlencode({'follow': follow}, doseq=True)}"
        self.last_id: str | None = None
        self.close_code: int | None = None

    def _read(self, response: http.client.HTTPResponse) -> None:
        is_end = False
        for line in response:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                self.last_id = value
            elif name == "event":
                is_end = value == "close"
            elif name == "data" and is_end:
                self.close_code = int(value)
            elif name == "data":
                envelope = self._keep(value)
                assert envelope.seq == 0 or self.last_id == f"{envelope.stream}:{envelope.seq}"


class SocketFollower(Follower):
    """Follows one stream over `/ws/streams`. `acks=False` makes a reader that never acknowledges.

    `origin` is the page's; empty: one of the site; None: there is none.
    """

    def __init__(
        self,
        url: str,
        stream: str,
        after: int,
        headers: dict[str, str],
        acks: bool = True,
        origin: str | None = "",
    ):
        super().__init__(stream, after)
        self.url, self.headers, self.acks = url, headers, acks
        self.origin = url if origin == "" else origin
        self.socket = None

    def start(self):
        """Returns when the socket is open, or refused."""
        super().start()
        return self.wait(lambda self: self.socket or self.ended, "the WebSocket opens")

    def say(self, **message) -> None:
        self.socket.send(json.dumps(message))

    def _follow(self) -> None:
        url = f"ws{self.url[4:]}/ws/streams"
        try:
            with connect(url, origin=self.origin, additional_headers=self.headers, compression=None) as opened:
                self.socket = opened
                self.say(follow=self.stream, after=self.after)
                with self._news:
                    self._news.notify_all()
                self._listen()
        except InvalidStatus as refusal:
            self.status = refusal.response.status_code

    def _listen(self) -> None:
        for text in self.socket:
            envelope = self._keep(text)
            if self.acks and envelope.seq:
                self.say(ack={self.stream: envelope.seq})

    @property
    def close_code(self) -> int | None:
        """The code the server closed the socket with; None while it is open, or if it never was."""
        return self.socket and self.socket.close_code

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self._thread.join(PATIENCE_SECONDS)

    def drop(self) -> None:
        if self.socket is not None:
            try:
                self.socket.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._thread.join(PATIENCE_SECONDS)
