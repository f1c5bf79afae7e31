"""Bodies that a server compressed although it was asked not to: gzip, deflate and Brotli.

A few bytes may inflate to gigabytes. So the output is limited, and produced in steps with an iteration of the loop
after each (B68).
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

import brotli

from runs.net.connection import BodyConsumer, Outcome
from runs.net.errors import ProtocolError, ResponseTooLarge

STEP_BYTES = 16 * 1024  # of output processed in one iteration of the loop; of Brotli's up to twice as many
ENCODINGS = {"gzip", "x-gzip", "deflate", "br"}
HEADER_BYTES = 2  # of gzip and of zlib, which tell them from deflate without a header: a common misreading of the name
GZIP_OR_ZLIB, RAW_DEFLATE = 32 + zlib.MAX_WBITS, -zlib.MAX_WBITS  # zlib's window bits


class _Decompressor(Protocol):
    """As those of bz2 and lzma: what is put in is kept until it has come out."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes:
        """What follows the end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Raises zlib.error or brotli.error."""


class _Zlib:
    """gzip and deflate, told apart by the first HEADER_BYTES. Raises IndexError if there are fewer."""

    def __init__(self, data: bytes) -> None:
        is_gzip = data.startswith(b"\x1f\x8b")
        is_zlib = data[0] & 0x0F == zlib.DEFLATED and (data[0] << 8 | data[1]) % 31 == 0
        self._zlib = zlib.decompressobj(GZIP_OR_ZLIB if is_gzip or is_zlib else RAW_DEFLATE)
        self.needs_input = True

    def decompress(self, data: bytes, max_length: int) -> bytes:
        output = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self.needs_input = len(output) < max_length  # else there may be more, though all input was taken
        return output

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data


class _Brotli:
    """Nothing may follow the end: brotli takes it for an error."""

    unused_data = b""

    def __init__(self) -> None:
        self._brotli = brotli.Decompressor()
        self.needs_input = True

    def decompress(self, data: bytes, max_length: int) -> bytes:
        output: bytes = self._brotli.process(data, output_buffer_limit=max_length)
        self.needs_input = len(output) < max_length and self._brotli.can_accept_more_data()
        return output

    @property
    def eof(self) -> bool:
        return bool(self._brotli.is_finished())


class Inflater:
    """A consumer of a compressed body, which passes the inflated one on to `consume`.

    `encoding` is one of ENCODINGS. Raises ProtocolError for what cannot be inflated, ResponseTooLarge for too much, and
    what `consume` raises.
    """

    def __init__(
        self,
        encoding: str,
        consume: BodyConsumer,
        max_bytes: int,
        is_full: Callable[[], bool] = bool,
        drain: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._encoding, self._max_bytes = encoding, max_bytes
        self._consume, self._is_full, self._drain = consume, is_full, drain
        self._decompressor: _Decompressor | None = None  # chosen by the first bytes
        self._held, self._bytes = b"", 0

    def feed(self, piece: bytes) -> Outcome:
        """As the consumer: true where the body may end, or a coroutine function where there is more to inflate."""
        outcome, rest = self._step(piece)
        if outcome is True:
            return True
        if outcome is False and rest is None:
            return False
        return partial(self._feed_rest, outcome, rest)

    async def _feed_rest(self, outcome: Outcome, rest: bytes | None) -> bool:
        while True:
            if not isinstance(outcome, bool):
                outcome = await outcome()
            if outcome or rest is None:
                return bool(outcome)
            await (self._drain() if self._drain is not None and self._is_full() else asyncio.sleep(0))
            outcome, rest = self._step(rest)

    def _step(self, data: bytes) -> tuple[Outcome, bytes | None]:
        """Inflate about STEP_BYTES. Returns the consumer's outcome, and the next step's input; None: there is none."""
        if self._decompressor is None:
            data, self._held = self._held + data, b""
            if len(data) < HEADER_BYTES:
                self._held = data
                return False, None
            self._decompressor = _decompressor_for(self._encoding, data)
        try:
            output = self._decompressor.decompress(data, STEP_BYTES)
        except (zlib.error, brotli.error) as error:
            raise ProtocolError(f"the body cannot be inflated: {error}") from error
        self._bytes += len(output)
        if self._bytes > self._max_bytes:
            raise ResponseTooLarge(f"more than {self._max_bytes} bytes when inflated")
        rest = None if self._decompressor.needs_input else b""
        if self._decompressor.eof:  # each flush may be a member of its own
            rest, self._decompressor = self._decompressor.unused_data or None, None
        return (self._consume(output) if output else False), rest


def inflate_excerpt(encoding: str, data: bytes, limit: int) -> bytes:
    """About the first `limit` bytes of a compressed body, of which there may be only a part; the data if it is none."""
    try:
        return _decompressor_for(encoding, data).decompress(data, limit)
    except (zlib.error, brotli.error, IndexError):
        return data


def _decompressor_for(encoding: str, data: bytes) -> _Decompressor:
    """For a body that begins with `data`, of at least HEADER_BYTES. Raises IndexError if there are fewer."""
    return _Brotli() if encoding == "br" else _Zlib(data)
