"""How long a server asks to wait before the next request: in its headers, in its error's details or in its words."""

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

MAX_SECONDS = 10.0**9  # as the longest number that is read
MAX_DETAILS = 5  # of an error that are looked at
IN_WORDS = re.compile(
    r"(?:try again|retry|wait)\D{0,20}?(?:(?P<minutes>\d{1,4})m(?!s))?(?P<number>\d{1,6}(?:\.\d{1,6})?)\s*"
    r"(?P<unit>ms|milliseconds?|s\b|sec|minutes?\b|m\b|hours?\b|h\b)",
    re.IGNORECASE,
)
UNITS = (("ms", 0.001), ("milli", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0))  # by how they begin, in seconds


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


def seconds_in_details(value: object) -> float | None:
    """Of Google's RetryInfo: {"error": {"details": [{"retryDelay": "2s"}]}}, in a list or not."""
    if isinstance(value, list) and value:
        value = value[0]
    error = value.get("error") if isinstance(value, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details[:MAX_DETAILS] if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and (seconds := _number(delay)) is not None:
            return seconds
    return None


def seconds_in_words(message: str) -> float | None:
    """As in "Please try again in 1m2.5s"."""
    if (match := IN_WORDS.search(message)) is None:
        return None
    unit = match["unit"].lower()
    factor = next((seconds for begin, seconds in UNITS if unit.startswith(begin)), 1.0)
    return 60.0 * int(match["minutes"] or 0) + float(match["number"]) * factor


def _number(text: str) -> float | None:
    """A decimal, with or without the unit "s"; None for anything else."""
    text = text.strip().removesuffix("s")
    return float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII) else None
