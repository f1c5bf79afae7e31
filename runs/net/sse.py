"""Server-sent events, parsed in bulk: bytes in, the payloads of whole events out.

The cost per byte does not depend on the input (B68): an incomplete line is extended in place, no byte is examined
twice, and the size of an incomplete event is a running total. A long line is not even copied.
"""

from runs.net.loop_budget import LARGE_EVENT_BYTES

MAX_EVENT_BYTES = 4 * 1024 * 1024  # of one event
MAX_EVENT_LINES = 10_000  # of data in one event: an empty line adds no byte to it, but takes memory

Payload = bytes | bytearray  # of an event; a long line is not copied, and stays a bytearray


class EventTooLarge(Exception):
    """An event exceeds MAX_EVENT_BYTES or MAX_EVENT_LINES."""


class EventParser:
    """Collects the `data` of server-sent events from arbitrary pieces of a byte stream.

    Skips comments and other fields. Lines end with LF, CRLF or CR.
    """

    __slots__ = ("_data", "_data_bytes", "_ended_with_cr", "_partial_line")

    def __init__(self) -> None:
        self._partial_line = bytearray()  # the last line so far, without its end
        self._data: list[Payload] = []  # data lines of the incomplete event
        self._data_bytes = 0  # of these lines, each with its line end
        self._ended_with_cr = False  # then a LF that follows belongs to the same line end

    def feed(self, piece: bytes) -> list[Payload]:
        """Return the payloads of all events that this piece completes. Raises EventTooLarge."""
        if b"\r" in piece or self._ended_with_cr:
            piece = self._normalize_line_ends(piece)
        *lines, rest = piece.split(b"\n")
        payloads: list[Payload] = []
        data, counted = self._data, len(self._data)
        if lines and self._partial_line:
            self._partial_line += lines[0]
            first, self._partial_line = self._partial_line, bytearray()
            if len(first) <= LARGE_EVENT_BYTES:
                lines[0] = bytes(first)
            else:
                del lines[0]
                if first.startswith(b"data:"):
                    del first[: 6 if first.startswith(b"data: ") else 5]
                    data.append(first)
        for line in lines:
            if line.startswith(b"data:"):
                data.append(line[5:].strip())
            elif data and not line:
                payloads.append(data[0] if len(data) == 1 else b"\n".join(data))
                data, counted, self._data_bytes = [], 0, 0
        self._data = data
        if rest:
            self._partial_line += rest
        if len(data) > counted:
            self._data_bytes += sum(map(len, data[counted:])) + len(data) - counted
        if len(self._partial_line) + self._data_bytes > MAX_EVENT_BYTES or len(data) > MAX_EVENT_LINES:
            raise EventTooLarge
        return payloads

    def _normalize_line_ends(self, piece: bytes) -> bytes:
        if self._ended_with_cr:
            piece = piece.removeprefix(b"\n")
        self._ended_with_cr = piece.endswith(b"\r")
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
