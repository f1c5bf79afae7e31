"""The frames between a worker and its renderer: four bytes of length, one byte of flags, and a text in UTF-8."""

import socket
import struct
import time
from enum import IntFlag

MAX_BYTES = 16 * 1024 * 1024  # of a frame; the longest HTML is far shorter
_HEAD = struct.Struct("!IB")


class Flag(IntFlag):
    HIGHLIGHTS = 1  # in a request: highlight code
    LAST = 2  # in a response: the process exits after it


def write_frame(channel: socket.socket, flags: Flag, text: str, deadline: float | None = None) -> None:
    """Raises OSError, and TimeoutError at `deadline`, of time.monotonic."""
    data = text.encode(errors="replace")
    _set_timeout(channel, deadline)
    channel.sendall(_HEAD.pack(len(data), flags) + data)


def read_frame(channel: socket.socket, deadline: float | None = None) -> tuple[Flag, str] | None:
    """The next frame; None if the other side has closed. Raises OSError, and TimeoutError at `deadline`."""
    head = _read(channel, _HEAD.size, deadline)
    if head is None:
        return None
    length, flags = _HEAD.unpack(head)
    if length > MAX_BYTES:
        raise OSError("a frame is longer than the limit")
    data = _read(channel, length, deadline)
    return None if data is None else (Flag(flags), data.decode())


def _read(channel: socket.socket, length: int, deadline: float | None) -> bytes | None:
    data = bytearray()
    while len(data) < length:
        _set_timeout(channel, deadline)
        piece = channel.recv(min(length - len(data), 1 << 20))
        if not piece:
            return None
        data += piece
    return bytes(data)


def _set_timeout(channel: socket.socket, deadline: float | None) -> None:
    if deadline is None:
        return
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    channel.settimeout(remaining)
