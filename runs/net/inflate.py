"""Bodies that a server compressed although it was asked not to: gzip and deflate.

A few bytes may inflate to gigabytes. So the output is limited, and produced in steps with an iteration of the loop
after each (B68).
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from functools import partial

from runs.net.connection import BodyConsumer, Outcome
from runs.net.errors import ProtocolError, ResponseTooLarge

STEP_BYTES = 16 * 1024  # of output processed in one iteration of the loop
ENCODINGS = {"gzip", "x-gzip", "deflate"}
HEADER_BYTES = 2  # of gzip and of zlib, which tell them from deflate without a header: a common misreading of the name
GZIP_OR_ZLIB, RAW_DEFLATE = 32 + zlib.MAX_WBITS, -zlib.MAX_WBITS  # zlib's window bits


class Inflater:
    """A consumer of a compressed body, which passes the inflated one on to `consume`.

    Raises ProtocolError for what cannot be inflated, ResponseTooLarge for too much, and what `consume` raises.
    """

    def __init__(
        self,
        consume: BodyConsumer,
        max_bytes: int,
        is_full: Callable[[], bool] = bool,
        drain: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._consume, self._max_bytes, self._is_full, self._drain = consume, max_bytes, is_full, drain
        self._inflate: zlib._Decompress | None = None  # chosen by the first bytes
        self._held, self._bytes = b"", 0

    def feed(self, piece: bytes) -> Outcome:
        """As the consumer: true where the body may end, or a coroutine function where there is more to inflate."""
        outcome, rest = self._step(piece)
        if outcome is True:
            return True
        if outcome is False and not rest:
            return False
        return partial(self._feed_rest, outcome, rest)

    async def _feed_rest(self, outcome: Outcome, rest: bytes) -> bool:
        while True:
            if not isinstance(outcome, bool):
                outcome = await outcome()
            if outcome or not rest:
                return bool(outcome)
            await (self._drain() if self._drain is not None and self._is_full() else asyncio.sleep(0))
            outcome, rest = self._step(rest)

    def _step(self, data: bytes) -> tuple[Outcome, bytes]:
        """Inflate up to STEP_BYTES. Returns the consumer's outcome, and the input that is left."""
        if self._inflate is None:
            data, self._held = self._held + data, b""
            if len(data) < HEADER_BYTES:
                self._held = data
                return False, b""
            self._inflate = _decompressor_for(data)
        try:
            output = self._inflate.decompress(data, STEP_BYTES)
        except zlib.error as error:
            raise ProtocolError(f"the body cannot be inflated: {error}") from error
        self._bytes += len(output)
        if self._bytes > self._max_bytes:
            raise ResponseTooLarge(f"more than {self._max_bytes} bytes when inflated")
        rest = self._inflate.unconsumed_tail
        if self._inflate.eof:  # each flush may be a member of its own
            rest, self._inflate = self._inflate.unused_data, None
        return (self._consume(output) if output else False), rest


def inflate_excerpt(data: bytes, limit: int) -> bytes:
    """The first `limit` bytes of a compressed body, of which there may be only a part; the data if it is none."""
    try:
        return _decompressor_for(data).decompress(data, limit)
    except (zlib.error, IndexError):
        return data


def _decompressor_for(data: bytes) -> "zlib._Decompress":
    """By the first HEADER_BYTES. Raises IndexError if there are fewer."""
    is_gzip = data.startswith(b"\x1f\x8b")
    is_zlib = data[0] & 0x0F == zlib.DEFLATED and (data[0] << 8 | data[1]) % 31 == 0
    return zlib.decompressobj(GZIP_OR_ZLIB if is_gzip or is_zlib else RAW_DEFLATE)
