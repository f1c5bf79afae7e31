"""Server-sent events, parsed in bulk: bytes in, the payloads of whole events out.

The cost per byte does not depend on the input (B68): an incomplete line is extended in place, no byte is examined
twice, and the size of an incomplete event is a running total. A long line is not even copied.
"""

from runs.net.loop_budget import LARGE_EVENT_BYTES

MAX_EVENT_BYTES = 4 * 1024 * 1024  # of one event
MAX_EVENT_LINES = 10_000  # of data in one event: an empty line adds no byte to it, but takes memory

DONE = b"[DONE]"  # what streams of OpenAI's protocols end with
FIELDS = {b"event", b"id", b"retry"}  # beside `data`
UNKNOWN_BYTES = 2_000  # of a line that is no field, for staff
STRAY_BYTES = b" \t\0\xef\xbb\xbf"  # before a field: white space, padding, a byte order mark in the middle

Payload = bytes | bytearray  # of an event; a long line is not copied, and stays a bytearray


class EventTooLarge(Exception):
    """An event exceeds MAX_EVENT_BYTES or MAX_EVENT_LINES."""


class EventParser:
    """Collects the `data` of server-sent events from arbitrary pieces of a byte stream.

    Skips comments and other fields. Lines end with LF, CRLF or CR. Three things are not of the specification: an event
    that is an error, by its name or by a field of its own, ends the payloads and becomes `error`; where a server
    forgets the empty line between two events of JSON, they are two all the same; and a line that is nearly one of data,
    or bare JSON, is one.
    """

    __slots__ = (
        "_data",
        "_data_bytes",
        "_ended_with_cr",
        "_is_by_line",
        "_is_error",
        "_partial_line",
        "error",
        "unknown",
    )

    def __init__(self) -> None:
        self._partial_line = bytearray()  # the last line so far, without its end
        self._data: list[Payload] = []  # data lines of the incomplete event
        self._data_bytes = 0  # of these lines, each with its line end
        self._ended_with_cr = False  # then a LF that follows belongs to the same line end
        self._is_by_line = False  # the server forgets the empty lines: an event is over with its line
        self._is_error = False  # by the name of the incomplete event
        self.error: Payload | None = None  # of an event that reports an error; nothing is parsed after it
        self.unknown = b""  # the first line that is no field, up to UNKNOWN_BYTES: what answers may not be SSE at all

    def feed(self, piece: bytes) -> list[Payload]:
        """Return the payloads of all events that this piece completes. Raises EventTooLarge."""
        if b"\r" in piece or self._ended_with_cr:
            piece = self._normalize_line_ends(piece)
        *lines, rest = piece.split(b"\n")
        payloads: list[Payload] = []
        data, counted, by_line = self._data, len(self._data), self._is_by_line
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
                value = line[5:].strip()
            elif not line:
                if data:
                    payload = data[0] if len(data) == 1 else b"\n".join(data)
                    data, counted, self._data_bytes = [], 0, 0
                    if self._is_error:
                        self.error = payload
                        break
                    payloads.append(payload)
                elif self._is_error:
                    self.error = b""  # it says no more than its name
                    break
                self._is_error = False
                continue
            elif line.startswith(b":"):
                continue
            elif (nearly := _data_of(line)) is not None:
                value = nearly
            else:
                self._read_other_field(line)
                if self.error is not None:
                    break
                continue
            if data and len(data) == 1 and _are_two_values(data[0], value):
                payloads.append(data[0])
                data, counted, self._data_bytes, by_line = [], 0, 0, True
            if by_line and value.startswith(b"{") and value.endswith(b"}"):
                payloads.append(value)
            else:
                data.append(value)
        self._data, self._is_by_line = data, by_line
        if rest:
            self._partial_line += rest
        if len(data) > counted:
            self._data_bytes += sum(map(len, data[counted:])) + len(data) - counted
        if len(self._partial_line) + self._data_bytes > MAX_EVENT_BYTES or len(data) > MAX_EVENT_LINES:
            raise EventTooLarge
        return payloads

    def finish(self) -> list[Payload]:
        """The payload of an event whose end is missing, at the end of the stream. Raises EventTooLarge."""
        return [] if self.error is not None else self.feed(b"\n\n")

    def _read_other_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"event":
            self._is_error = b"error" in value.lower()
        elif name == b"error" and value.strip():
            self.error = value.strip()
        elif name not in FIELDS and not self.unknown:
            self.unknown = line[:UNKNOWN_BYTES]

    def _normalize_line_ends(self, piece: bytes) -> bytes:
        if self._ended_with_cr:
            piece = piece.removeprefix(b"\n")
        self._ended_with_cr = piece.endswith(b"\r")
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _data_of(line: bytes) -> bytes | None:
    """The value of a line that is meant to be data: "Data :", or a whole value without a field; None if it is not."""
    line = line.lstrip(STRAY_BYTES).rstrip()
    if (line.startswith(b"{") and line.endswith(b"}")) or line == DONE:
        return line
    name, _, value = line.partition(b":")
    return value.strip() if name.rstrip().lower() == b"data" else None


def _are_two_values(first: Payload, second: bytes) -> bool:
    """Whether two lines of data are two objects of JSON, or one and an end marker: no object continues like that."""
    return first.startswith(b"{") and first.endswith(b"}") and second.startswith((b"{", DONE))
