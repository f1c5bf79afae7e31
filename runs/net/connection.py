"""One HTTP/1.1 connection, and the response that is read from it.

Received data is passed on in the very call that received it: no task wakes up for a piece, and a run's task sleeps
until its answer has ended. httptools parses the protocol.

All connections share one event loop. So only a slice of what one connection received is processed in an iteration of
the loop, and only a limited amount of what all of them received (`loop_budget.py`). A connection reads no further
before the rest has been processed (B68): an upstream that floods gets its turns, as others do.
"""

import asyncio
import re
import select
from collections import deque
from collections.abc import Awaitable, Callable
from typing import cast

import httptools

from runs.net.errors import ProtocolError, ReadTimeout, ResponseTooLarge, ServerDisconnected, TransportError
from runs.net.loop_budget import loop_budget
from streams.gevent_compat import unpatched

HEAD_BYTES = 64 * 1024  # of a response's head, and of framing between two pieces of its body: a trailer, for example
SLICE_BYTES = 16 * 1024  # of one connection, processed in one iteration of the loop: 1 to 5 ms at worst
SMALL_READ_BYTES = 1024  # up to this size a read is processed at once, whatever others receive: mostly a token
KEEPALIVE_SECONDS = 4.0  # s an idle connection is kept if the server sends no timeout; uvicorn and node close after 5 s
MAX_KEEPALIVE_SECONDS = 30.0  # s, whatever timeout the server sends
KEEPALIVE_MARGIN_SECONDS = 1.0  # s we close before the server does: a request sent as it closes may be lost
KEEPALIVE_TIMEOUT = re.compile(r"\btimeout\s*=\s*(\d{1,6})", re.IGNORECASE)

# Whether a body may end after a piece of it; or, where it takes longer to know, a coroutine function that returns it.
Outcome = bool | Callable[[], Awaitable[bool]]
BodyConsumer = Callable[[bytes], Outcome]  # takes a piece of a body


class Connection(asyncio.Protocol):
    """One connection, and the response that is read from it."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._budget = loop_budget()
        self._has_scheduled_slice = False
        self._timer: asyncio.TimerHandle | None = None
        self.is_open = False
        self._is_idle = False  # between two requests
        self._reset(HEAD_BYTES)

    def _reset(self, max_bytes: int) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: dict[str, str] = {}  # by name in lower case
        self._has_head = self._is_complete = self._should_keep_alive = self._is_finished = self._is_paused = False
        self._failure: Exception | None = None
        self._failure_after_backlog: Exception | None = None
        self._backlog: deque[memoryview] = deque()  # received, and left for later iterations of the loop
        self._pieces: list[bytes] = []
        self._consume: BodyConsumer | None = None
        self._unfinished_consume: Callable[[], Awaitable[bool]] | None = None  # to be awaited before the next piece
        self._is_full: Callable[[], bool] = bool
        self._waiter: asyncio.Future[None] | None = None
        self._bytes, self._limit, self._max_bytes = 0, HEAD_BYTES, max_bytes
        self._framing_bytes = 0  # since the last piece of the body; httptools copies an unfinished header each time
        self._last_read_at = self._loop.time()

    # -- one request ------------------------------------------------------------------------------

    async def send_request(self, request: list[bytes], read_timeout: float, max_bytes: int = HEAD_BYTES) -> None:
        """Send a request and wait for the head of its response. `max_bytes` limits the response, framing included.

        Raises ProtocolError, ReadTimeout, ResponseTooLarge; ServerDisconnected on a reused connection that may have
        delivered the request or not.
        """
        was_idle, self._is_idle = self._is_idle, False
        self._reset(max_bytes)
        self._read_timeout = read_timeout
        self._set_timer(read_timeout, self._check_read_timeout)
        self.transport.writelines(request)
        request.clear()  # may be large, and the wait long
        while not (self._has_head or self._is_finished):
            await self._wait()
        if not self._has_head:
            if was_idle and self._bytes == 0 and isinstance(self._failure, ProtocolError):
                raise ServerDisconnected(str(self._failure))
            raise self._failure or ProtocolError("no response")

    async def read_body(
        self,
        consume: BodyConsumer,
        is_full: Callable[[], bool] = bool,
        drain: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Pass the body to `consume` in pieces, to its end or until `consume` returns true.

        While `is_full` returns true nothing is read from the socket; `drain` is awaited first.
        Raises what `consume` raises, ProtocolError, ReadTimeout, ResponseTooLarge.
        """
        self._consume, self._is_full = consume, is_full
        self._deliver(consume)
        while not self._is_finished:
            if self._is_paused:
                await self._drain(drain)
                self._is_paused, self._last_read_at = False, self._loop.time()
                self._continue()
            else:
                await self._wait()
        if self._failure is not None:
            raise self._failure

    async def _drain(self, drain: Callable[[], Awaitable[object]] | None) -> None:
        if self._unfinished_consume is not None:
            consume, self._unfinished_consume = self._unfinished_consume, None
            if await consume():
                self._finish(None)
        elif drain is not None:
            await drain()

    def end_body(self) -> None:
        """End `read_body` although the body goes on: what is still to come does not matter."""
        self._finish(None)

    async def read_excerpt(self, limit: int) -> bytes:
        """The first `limit` bytes of the body."""
        excerpt = bytearray()

        def consume(piece: bytes) -> bool:
            excerpt.extend(piece[:limit])
            return len(excerpt) >= limit

        try:
            await self.read_body(consume)
        except TransportError:
            pass
        return bytes(excerpt[:limit])

    @property
    def is_reusable(self) -> bool:
        is_read = self._is_finished and self._is_complete and not self._backlog
        return self.is_open and is_read and self._should_keep_alive

    @property
    def has_expired(self) -> bool:
        """Whether an idle connection has received something that the loop has not read yet: most likely its end."""
        poll = unpatched("select", "poll")()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def set_idle(self) -> None:
        """Keep the connection for a later request; close it before the server does."""
        self._consume, self._is_idle = None, True
        self.transport.resume_reading()  # paused if the last slice came from the backlog
        self._set_timer(self.keepalive_seconds, self.close)

    @property
    def keepalive_seconds(self) -> float:
        """How long this connection may stay idle, by `Keep-Alive: timeout=…` if the server sent that."""
        if (timeout := KEEPALIVE_TIMEOUT.search(self.headers.get("keep-alive", ""))) is None:
            return KEEPALIVE_SECONDS
        return min(max(float(timeout[1]) - KEEPALIVE_MARGIN_SECONDS, 0.0), MAX_KEEPALIVE_SECONDS)

    def close(self) -> None:
        self._cancel_timer()
        self.is_open = False
        self.transport.abort()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _finish(self, failure: Exception | None) -> None:
        if not self._is_finished:
            self._is_finished, self._failure = True, failure
            self._wake()

    def _deliver(self, consume: BodyConsumer) -> None:
        """Pass the parsed pieces of the body on."""
        pieces, self._pieces = self._pieces, []
        if pieces:
            try:
                if outcome := consume(pieces[0] if len(pieces) == 1 else b"".join(pieces)):
                    if outcome is True:
                        self._finish(None)
                    else:
                        self._unfinished_consume = outcome
                        self._pause()
            except Exception as error:
                self._finish(error)
        if self._is_paused:
            return
        if self._is_complete:
            self._finish(None)
        elif self._is_full() and not self._is_finished:
            self._pause()

    def _pause(self) -> None:
        self._is_paused = True
        self._pause_reading()
        self._wake()

    def _set_timer(self, seconds: float, callback: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = self._loop.call_later(seconds, callback)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check_read_timeout(self) -> None:
        """One timer checks when the last byte came; a timer for each piece would cost as much as its parsing."""
        remaining = self._last_read_at + self._read_timeout - self._loop.time()
        if self._is_paused or self._backlog:  # the upstream waits for us
            remaining = self._read_timeout
        if remaining <= 0:
            self._finish(ReadTimeout(f"no byte for {self._read_timeout} s"))
        else:
            self._set_timer(remaining, self._check_read_timeout)

    # -- a slice in each iteration of the loop ----------------------------------------------------

    def _process(self, data: bytes | memoryview) -> None:
        """Parse received data and pass the body on."""
        self._bytes += len(data)
        if self._bytes > self._limit:
            self._finish(self._too_large())
            return
        failure = None
        try:
            self._parser.feed_data(data)
            if self._pieces:
                self._framing_bytes = 0
            else:
                self._framing_bytes += len(data)
                if self._framing_bytes > HEAD_BYTES:
                    failure = ProtocolError("too much framing without a body")
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            failure = ProtocolError(repr(error))
        if self._consume is not None:
            self._deliver(self._consume)  # also what was received before a failure: a complete answer stays one
        if failure is not None:
            self._should_keep_alive = False
            self._finish_after_backlog(failure)

    def _too_large(self) -> Exception:
        if self._has_head:
            return ResponseTooLarge(f"more than {self._limit} bytes")
        return ProtocolError("the head of the response is too large")

    def _defer(self, data: bytes) -> None:
        if not self._backlog:
            self._pause_reading()
        self._backlog.append(memoryview(data))
        self._schedule_slice()

    def _schedule_slice(self) -> None:
        if not self._has_scheduled_slice:
            self._has_scheduled_slice = True
            self._budget.defer(self._process_slice)

    def _process_slice(self) -> int:
        """Process at most a slice of the backlog. Returns its size in bytes."""
        self._has_scheduled_slice = False
        if self._is_finished or self._is_paused or not self._backlog:
            return 0
        data = self._backlog.popleft()
        if len(data) > SLICE_BYTES:
            self._backlog.appendleft(data[SLICE_BYTES:])
        data = data[:SLICE_BYTES]
        self._process(data)
        self._continue()
        return len(data)

    def _continue(self) -> None:
        """Go on with the backlog; once that is empty, with reading."""
        if self._is_finished or self._is_paused:
            return
        if self._is_complete:
            self._finish(None)
        elif self._backlog:
            self._schedule_slice()
        elif self._failure_after_backlog is not None:
            self._finish(self._failure_after_backlog)
        elif self.is_open:
            self.transport.resume_reading()

    def _pause_reading(self) -> None:
        if self.is_open:
            self.transport.pause_reading()

    # -- asyncio.Protocol -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.is_open = cast(asyncio.Transport, transport), True

    def data_received(self, data: bytes) -> None:
        if self._is_finished:
            if self._is_idle:  # unsolicited: it must not be taken for the response to the next request
                self.close()
            return
        self._last_read_at = self._loop.time()
        if self._backlog or self._is_paused or (len(data) > SMALL_READ_BYTES and self._exceeds_budget(len(data))):
            self._defer(data)
        else:
            self._process(data)

    def _exceeds_budget(self, size: int) -> bool:
        return size > SLICE_BYTES or not self._budget.try_spend(size)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        self._finish_after_backlog(ProtocolError(repr(error) if error else "the connection was closed"))

    def _finish_after_backlog(self, failure: Exception) -> None:
        if self._backlog or self._is_paused:
            self._failure_after_backlog = self._failure_after_backlog or failure
        else:
            self._finish(None if self._is_complete else failure)

    # -- callbacks of httptools -------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._is_complete:  # another message follows the response
            self._should_keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:  # trailers are ignored
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 and not self._has_head:  # an upstream may send "100 Continue" first
            self.status, self._has_head, self._limit = status, True, self._max_bytes
            self._wake()

    def on_body(self, piece: bytes) -> None:
        if not self._is_complete:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        if not self._is_complete:
            self._is_complete, self._should_keep_alive = self._has_head, self._parser.should_keep_alive()
