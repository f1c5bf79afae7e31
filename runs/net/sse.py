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
        "_ended_with_cr",
        "_is_between_events",
        "_is_by_line",
        "_is_error",
        "_more_bytes",
        "_partial_line",
        "error",
        "unknown",
    )

    def __init__(self) -> None:
        self._partial_line = bytearray()  # the last line so far, without its end
        self._data: list[Payload] = []  # data lines of the incomplete event
        self._more_bytes = 0  # of these lines but the first, each with its line end
        self._ended_with_cr = False  # then a LF that follows belongs to the same line end
        self._is_between_events = True  # nothing is left over from the pieces so far
        self._is_by_line = False  # the server forgets the empty lines: an event is over with its line
        self._is_error = False  # by the name of the incomplete event
        self.error: Payload | None = None  # of an event that reports an error; nothing is parsed after it
        self.unknown = b""  # the first line that is no field, up to UNKNOWN_BYTES: what answers may not be SSE at all

    def feed(self, piece: bytes) -> list[Payload]:
        """Return the payloads of all events that this piece completes. Raises EventTooLarge."""
        if self._is_between_events and (whole := _whole_events(piece)):
            return whole
        lines = self._complete_lines(piece)
        payloads: list[Payload] = []
        data = self._data
        for line in lines:
            if line.startswith(b"data:"):
                if data or self._is_by_line:
                    self._add_value(line[5:].strip(), payloads)
                else:
                    data.append(line[5:].strip())
            elif line or len(data) > 1 or self._is_error:
                self._read_other_line(line, payloads)
                if self.error is not None:
                    break
            elif data:
                payloads.append(data.pop())
        event_bytes = len(self._partial_line) + self._more_bytes + (len(data[0]) if data else 0)
        if event_bytes > MAX_EVENT_BYTES or len(data) > MAX_EVENT_LINES:
            raise EventTooLarge
        self._is_between_events = not (data or self._partial_line or self._is_error or self._ended_with_cr)
        return payloads

    def _complete_lines(self, piece: bytes) -> list[bytes]:
        """The lines that a piece completes, but for a long one of data: it becomes data itself. The rest is kept."""
        if b"\r" in piece or self._ended_with_cr:
            piece = self._normalize_line_ends(piece)
        *lines, rest = piece.split(b"\n")
        if lines and self._partial_line:
            self._partial_line += lines[0]
            first, self._partial_line = self._partial_line, bytearray()
            if len(first) <= LARGE_EVENT_BYTES:
                lines[0] = bytes(first)
            else:
                del lines[0]
                if first.startswith(b"data:"):
                    del first[: 6 if first.startswith(b"data: ") else 5]
                    self._add_data(first)
        if rest:
            self._partial_line += rest
        return lines

    def _read_other_line(self, line: bytes, payloads: list[Payload]) -> None:
        """A line that is no data, and does not just end an event of one line."""
        if not line:
            self._end_event(payloads)
        elif line.startswith(b":"):
            pass
        elif (value := _data_of(line)) is not None:
            self._add_value(value, payloads)
        else:
            self._read_other_field(line)

    def _add_value(self, value: bytes, payloads: list[Payload]) -> None:
        """A line of data, which is a payload by itself where the server forgets the empty lines."""
        data = self._data
        if len(data) == 1 and _are_two_values(data[0], value):
            payloads.append(data.pop())
            self._is_by_line = True
        if self._is_by_line and value.startswith(b"{") and value.endswith(b"}"):
            payloads.append(value)
        else:
            self._add_data(value)

    def _add_data(self, value: Payload) -> None:
        if self._data:
            self._more_bytes += len(value) + 1
        self._data.append(value)

    def _end_event(self, payloads: list[Payload]) -> None:
        data = self._data
        payload: Payload = data[0] if len(data) == 1 else b"\n".join(data)
        if self._is_error:
            self.error = payload  # if it is empty, the event says no more than its name
        elif data:
            payloads.append(payload)
        data.clear()
        self._more_bytes, self._is_error = 0, False

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


def _whole_events(piece: bytes) -> list[Payload]:
    """The payloads of a piece of whole events, each a line of data, which nearly every piece is; else none."""
    if not (piece[:7] == b"data: {" and piece[-3:] == b"}\n\n") or b"\r" in piece:
        return []
    if piece.find(b"\n") == len(piece) - 2:
        return [piece[6:-2]]
    payloads: list[Payload] = [value.strip() for value in piece[6:-2].split(b"\n\ndata: ")]
    return payloads if len(piece.split(b"\n")) == 2 * len(payloads) + 1 else []


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
