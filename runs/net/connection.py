"""One connection to a model server, and the response that is read from it.

What is received is handed on in the very call that received it: no task wakes up for a piece, and a run's task sleeps
until its answer has ended. HTTP's protocol is parsed by httptools.

All connections share one event loop. So of one connection only a slice is taken in a turn of the loop, of all of them
only a turn's share (`lane.py`), and none is read any further before the rest has been dealt with (B68): an upstream
that floods gets its turns, as others do.
"""

import asyncio
import re
import select
from collections import deque
from collections.abc import Awaitable, Callable

import httptools

from runs.net.loop_budget import lane
from streams.gevent_compat import original

HEAD_BYTES = 64 * 1024  # of a response's head; more is no head. Also of what is no body, after it: a trailer, say
SLICE_BYTES = 16 * 1024  # taken of one connection in a turn of the loop: 1 to 5 ms at worst
TOKEN_BYTES = 1024  # as much is taken at once, whatever others bring: a token, mostly
KEEP_SECONDS = 4.0  # s an idle connection is kept, if the server says nothing; uvicorn and node close theirs after 5 s
LONGEST_KEEP_SECONDS = 30.0  # s, whatever the server says
KEEP_MARGIN_SECONDS = 1.0  # s before the server would close it; a request that crosses its closing may be lost
KEEP_ALIVE = re.compile(r"\btimeout\s*=\s*(\d{1,6})", re.IGNORECASE)


class Unreachable(Exception):
    """No connection could be made."""


class Broken(Exception):
    """The connection ended too early, or what came over it is not HTTP."""


class Dropped(Broken):
    """A kept connection ended after a request was sent over it, before a byte of the response."""


class Silent(Exception):
    """Nothing came for too long."""


class TooLarge(Exception):
    """More came than a response may have."""


Feed = Callable[[bytes], "bool | Callable[[], Awaitable[bool]]"]


class Line(asyncio.Protocol):
    """One connection, and the response that is read from it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lane = lane()
        self._is_queued = False  # waits for a turn
        self._alarm: asyncio.TimerHandle | None = None
        self.is_open = False
        self._is_kept = False
        self._begin(HEAD_BYTES)

    def _begin(self, max_bytes: int) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.status, self.headers = 0, {}
        self._has_head = self._is_complete = self._may_stay = self._is_over = self._is_paused = False
        self._failure: Exception | None = None
        self._lost: Exception | None = None  # how it ended, while something was put off
        self._backlog: deque[memoryview] = deque()  # put off to later turns of the loop
        self._pieces: list[bytes] = []
        self._feed: Feed | None = None
        self._due: Callable[[], Awaitable[bool]] | None = None  # has to be waited for before more is fed
        self._is_full: Callable[[], bool] = bool
        self._turn: asyncio.Future | None = None
        self._bytes, self._limit, self._max_bytes = 0, HEAD_BYTES, max_bytes
        self._framing_bytes = 0  # since a piece of the body came; httptools copies an unfinished header each time
        self._heard = self._loop.time()

    # -- one request ------------------------------------------------------------------------------

    async def ask(self, request: list[bytes], idle_seconds: float, max_bytes: int = HEAD_BYTES) -> None:
        """Send a request and wait for the head of its response, which may have `max_bytes`, all of HTTP included.

        Raises Broken, Silent, TooLarge; Dropped where a connection that was kept may have brought the request or not.
        """
        was_kept, self._is_kept = self._is_kept, False
        self._begin(max_bytes)
        self._idle_seconds = idle_seconds
        self._set_alarm(idle_seconds, self._look)
        self.transport.writelines(request)
        request.clear()  # may be large, and the wait long
        while not (self._has_head or self._is_over):
            await self._wait()
        if not self._has_head:
            if was_kept and self._bytes == 0 and isinstance(self._failure, Broken):
                raise Dropped(str(self._failure))
            raise self._failure or Broken("no answer")

    async def read(
        self,
        feed: Feed,
        is_full: Callable[[], bool] = bool,
        room: Callable[[], Awaitable] | None = None,
    ) -> None:
        """Give `feed` the body, piece by piece, to its end or until `feed` returns true.

        Instead, `feed` may return what takes longer: it is waited for, and says in the place of `feed` if that is all.
        Where `is_full` says so, nothing more is read from the socket before `room` has been waited for.
        Raises what `feed` raises, Broken, Silent, TooLarge.
        """
        self._feed, self._is_full = feed, is_full
        self._hand_on()
        while not self._is_over:
            if self._is_paused:
                await self._catch_up(room)
                self._is_paused, self._heard = False, self._loop.time()
                self._go_on()
            else:
                await self._wait()
        if self._failure is not None:
            raise self._failure

    async def _catch_up(self, room: Callable[[], Awaitable]) -> None:
        if self._due is None:
            await room()
            return
        due, self._due = self._due, None
        if await due():
            self._end(None)

    async def excerpt(self, limit: int) -> bytes:
        """The first `limit` bytes of the body."""
        excerpt = bytearray()

        def feed(piece: bytes) -> bool:
            excerpt.extend(piece[:limit])
            return len(excerpt) >= limit

        try:
            await self.read(feed)
        except (Broken, Silent, TooLarge):
            pass
        return bytes(excerpt[:limit])

    @property
    def is_reusable(self) -> bool:
        return self.is_open and self._is_over and self._is_complete and self._may_stay and not self._backlog

    @property
    def is_idle(self) -> bool:
        """Whether nothing has come over a kept connection that the loop has not read yet: its end, for example."""
        poll = original("select", "poll")()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def keep(self) -> None:
        """Nothing needs this connection now. It is closed before its server would close it."""
        self._feed, self._is_kept = None, True
        self.transport.resume_reading()  # its last slice may have been one that was put off
        self._set_alarm(self.keep_seconds, self.close)

    @property
    def keep_seconds(self) -> float:
        """By `Keep-Alive: timeout=…`, if the server sends that."""
        if (timeout := KEEP_ALIVE.search(self.headers.get("keep-alive", ""))) is None:
            return KEEP_SECONDS
        return min(max(float(timeout[1]) - KEEP_MARGIN_SECONDS, 0.0), LONGEST_KEEP_SECONDS)

    def close(self) -> None:
        self._set_alarm(None, None)
        self.is_open = False
        self.transport.abort()

    async def _wait(self) -> None:
        self._turn = self._loop.create_future()
        await self._turn

    def _wake(self) -> None:
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)

    def _end(self, failure: Exception | None) -> None:
        if not self._is_over:
            self._is_over, self._failure = True, failure
            self._wake()

    def _hand_on(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces:
            try:
                if outcome := self._feed(pieces[0] if len(pieces) == 1 else b"".join(pieces)):
                    if outcome is True:
                        self._end(None)
                    else:
                        self._due = outcome
                        self._pause()
            except Exception as error:
                self._end(error)
        if self._is_paused:
            return
        if self._is_complete:
            self._end(None)
        elif self._is_full() and not self._is_over:
            self._pause()

    def _pause(self) -> None:
        self._is_paused = True
        self._pause_reading()
        self._wake()

    def _set_alarm(self, seconds: float | None, then: Callable | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None if seconds is None else self._loop.call_later(seconds, then)

    def _look(self) -> None:
        """One timer looks how long it has been silent; one for each piece would cost as much as its parsing."""
        left = self._heard + self._idle_seconds - self._loop.time()
        if self._is_paused or self._backlog:  # the upstream waits for us
            left = self._idle_seconds
        if left <= 0:
            self._end(Silent(f"no byte for {self._idle_seconds} s"))
        else:
            self._set_alarm(left, self._look)

    # -- a slice in a turn ------------------------------------------------------------------------

    def _take(self, data: bytes | memoryview) -> None:
        """Parse what was received, and hand it on."""
        self._bytes += len(data)
        if self._bytes > self._limit:
            self._end(self._too_large())
            return
        failure = None
        try:
            self._parser.feed_data(data)
            if self._pieces:
                self._framing_bytes = 0
            else:
                self._framing_bytes += len(data)
                if self._framing_bytes > HEAD_BYTES:
                    failure = Broken("too much that is no body")
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            failure = Broken(repr(error))
        if self._feed is not None:
            self._hand_on()  # also what came before a failure: an answer that has arrived is one
        if failure is not None:
            self._may_stay = False
            self._end_after_all(failure)

    def _too_large(self) -> Exception:
        if self._has_head:
            return TooLarge(f"more than {self._limit} bytes")
        return Broken("the head of the response is too large")

    def _put_off(self, data: bytes) -> None:
        if not self._backlog:
            self._pause_reading()
        self._backlog.append(memoryview(data))
        self._queue()

    def _queue(self) -> None:
        if not self._is_queued:
            self._is_queued = True
            self._lane.put_off(self._take_slice)

    def _take_slice(self) -> int:
        """What was put off, at most a slice. Returns how many bytes that were."""
        self._is_queued = False
        if self._is_over or self._is_paused or not self._backlog:
            return 0
        data = self._backlog.popleft()
        if len(data) > SLICE_BYTES:
            self._backlog.appendleft(data[SLICE_BYTES:])
        data = data[:SLICE_BYTES]
        self._take(data)
        self._go_on()
        return len(data)

    def _go_on(self) -> None:
        """With what was put off; else with reading."""
        if self._is_over or self._is_paused:
            return
        if self._is_complete:
            self._end(None)
        elif self._backlog:
            self._queue()
        elif self._lost is not None:
            self._end(self._lost)
        elif self.is_open:
            self.transport.resume_reading()

    def _pause_reading(self) -> None:
        if self.is_open:
            self.transport.pause_reading()

    # -- asyncio.Protocol -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport, self.is_open = transport, True

    def data_received(self, data: bytes) -> None:
        if self._is_over:
            if self._is_kept:  # an answer to nothing: it must not be taken for that to the next request
                self.close()
            return
        self._heard = self._loop.time()
        if self._backlog or self._is_paused or (len(data) > TOKEN_BYTES and self._is_too_much(len(data))):
            self._put_off(data)
        else:
            self._take(data)

    def _is_too_much(self, size: int) -> bool:
        return size > SLICE_BYTES or not self._lane.has_room(size, self._heard)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        self._end_after_all(Broken(repr(error) if error else "the connection was closed"))

    def _end_after_all(self, failure: Exception) -> None:
        """After what was put off, if that is anything."""
        if self._backlog or self._is_paused:
            self._lost = self._lost or failure
        else:
            self._end(None if self._is_complete else failure)

    # -- httptools --------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._is_complete:  # something follows the response that was asked for
            self._may_stay = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:  # what follows a body tells nothing that is needed
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 and not self._has_head:  # before it, an upstream may say "100 Continue"
            self.status, self._has_head, self._limit = status, True, self._max_bytes
            self._wake()

    def on_body(self, piece: bytes) -> None:
        if not self._is_complete:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        if not self._is_complete:
            self._is_complete, self._may_stay = self._has_head, self._parser.should_keep_alive()
