"""Where a reader says that it is in a stream, whatever it sends for it (B25)."""

LAST = 2**31 - 1  # no stream is longer: what lies beyond is in the future of each, and every database compares it


def position_of(value: object) -> int:
    """A seq as a number or as decimal text; garbage and what is negative are 0, what is larger than any seq is LAST."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        digits = value.lstrip("0")
        value = LAST if len(digits) > len(str(LAST)) else int(digits or "0")
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return min(max(value, 0), LAST)
