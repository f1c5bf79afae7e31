"""Server-sent events, parsed in bulk: bytes in, the payloads of whole events out.

The work for a byte is the same whatever the bytes say (B68): a line that is not complete yet is extended in place, no
byte is looked at twice, and what an incomplete event holds is a running total. A long line is not even copied.
"""

from runs.net.loop_budget import HEAVY_BYTES

MAX_EVENT_BYTES = 4 * 1024 * 1024  # one event larger than this is not an answer
MAX_EVENT_LINES = 10_000  # of data in one event: an empty one takes no byte of it, but a place in memory


class EventTooLarge(Exception):
    """The upstream sent an event that does not end."""


class EventParser:
    """Collects the `data` of server-sent events from arbitrary pieces of a byte stream.

    Comments and other fields are skipped. Lines end with LF, CRLF or CR.
    """

    __slots__ = ("_data", "_data_bytes", "_ended_with_cr", "_rest")

    def __init__(self) -> None:
        self._rest = bytearray()  # the line that is not complete yet
        self._data: list[bytes] = []  # data lines of the event that is not complete yet
        self._data_bytes = 0  # of these lines, each with its end
        self._ended_with_cr = False  # so a LF that comes next belongs to the same end of a line

    def feed(self, piece: bytes) -> list[bytes]:
        """The payloads of all events that are complete with this piece. Raises EventTooLarge."""
        if b"\r" in piece or self._ended_with_cr:
            piece = self._with_line_feeds(piece)
        *lines, rest = piece.split(b"\n")
        payloads, data, counted = [], self._data, len(self._data)
        if lines and self._rest:
            self._rest += lines[0]
            line, self._rest = self._rest, bytearray()
            if len(line) <= HEAVY_BYTES:
                lines[0] = bytes(line)
            else:
                del lines[0]
                if line.startswith(b"data:"):
                    del line[: 6 if line.startswith(b"data: ") else 5]
                    data.append(line)
        for line in lines:
            if line.startswith(b"data:"):
                data.append(line[5:].strip())
            elif data and not line:
                payloads.append(data[0] if len(data) == 1 else b"\n".join(data))
                data, counted, self._data_bytes = [], 0, 0
        self._data = data
        if rest:
            self._rest += rest
        if len(data) > counted:
            self._data_bytes += sum(map(len, data[counted:])) + len(data) - counted
        if len(self._rest) + self._data_bytes > MAX_EVENT_BYTES or len(data) > MAX_EVENT_LINES:
            raise EventTooLarge
        return payloads

    def _with_line_feeds(self, piece: bytes) -> bytes:
        if self._ended_with_cr:
            piece = piece.removeprefix(b"\n")
        self._ended_with_cr = piece.endswith(b"\r")
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
