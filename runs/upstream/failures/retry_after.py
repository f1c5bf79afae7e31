"""How long a server asks to wait before the next request: in its headers, or in the words of its error."""

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

MAX_SECONDS = 10.0**9
IN_WORDS = re.compile(
    r"(?:try again|retry|wait)\D{0,20}?(?:(?P<m>\d{1,4})m(?!s))?(?P<n>\d{1,6}(?:\.\d{1,6})?)\s*"
    r"(?P<unit>ms|milliseconds?|s\b|sec|minutes?\b|m\b|hours?\b|h\b)",
    re.IGNORECASE,
)
UNITS = {"ms": 0.001, "mi": 0.001, "s": 1.0, "se": 1.0, "m": 60.0, "h": 3600.0, "ho": 3600.0}


def seconds_in_headers(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds, a decimal or a date, or `retry-after-ms`; None if there is none that can be read."""
    if (milliseconds := _number(headers.get("retry-after-ms", ""))) is not None:
        return milliseconds / 1000
    header = headers.get("retry-after", "").strip()
    if not header or (seconds := _number(header)) is not None:
        return seconds if header else None
    try:
        return min(max(parsedate_to_datetime(header).timestamp() - time.time(), 0.0), MAX_SECONDS)
    except (ValueError, OverflowError):
        return None


def seconds_in_report(message: str) -> float | None:
    """As in "Please try again in 1m2.5s"."""
    if (match := IN_WORDS.search(message)) is None:
        return None
    unit = match["unit"].lower()
    factor = 60.0 if unit.startswith("minute") else UNITS.get(unit[:2], UNITS.get(unit[:1], 1.0))
    return 60.0 * int(match["m"] or 0) + float(match["n"]) * factor


def _number(text: str) -> float | None:
    text = text.strip().removesuffix("s")
    return float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII) else None
