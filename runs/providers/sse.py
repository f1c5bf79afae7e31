"""Server-sent events, parsed in bulk: bytes in, the payloads of whole events out."""

MAX_EVENT_BYTES = 4 * 1024 * 1024  # one event larger than this is not an answer


class EventTooLarge(Exception):
    """The upstream sent an event that does not end."""


class EventParser:
    """Collects the `data` of server-sent events from arbitrary pieces of a byte stream.

    Comments and other fields are skipped. Lines end with LF, CRLF or CR.
    """

    __slots__ = ("_data", "_ended_with_cr", "_rest")

    def __init__(self) -> None:
        self._rest = b""  # the line that is not complete yet
        self._data: list[bytes] = []  # data lines of the event that is not complete yet
        self._ended_with_cr = False  # so a LF that comes next belongs to the same end of a line

    def feed(self, piece: bytes) -> list[bytes]:
        """The payloads of all events that are complete with this piece. Raises EventTooLarge."""
        if b"\r" in piece or self._ended_with_cr:
            piece = self._with_line_feeds(piece)
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        payloads = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].strip())
            elif self._data and not line:
                payloads.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                self._data = []
        if len(self._rest) + sum(map(len, self._data)) > MAX_EVENT_BYTES:
            raise EventTooLarge
        return payloads

    def _with_line_feeds(self, piece: bytes) -> bytes:
        if self._ended_with_cr:
            piece = piece.removeprefix(b"\n")
        self._ended_with_cr = piece.endswith(b"\r")
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
