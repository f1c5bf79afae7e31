"""Parse a client's position in a stream, whatever the client sends (B25)."""

LAST = 2**31 - 1  # longer than any stream: larger positions are beyond every end, and every database can compare it


def position_of(value: object) -> int:
    """Parse a seq, a number or decimal text. Garbage and negative numbers are 0; anything above LAST is LAST."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        digits = value.lstrip("0")
        value = LAST if len(digits) > len(str(LAST)) else int(digits or "0")
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return min(max(value, 0), LAST)
