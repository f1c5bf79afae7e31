"""The numbers in a message about a context that is too long: the limit, and what was requested."""

import re
from collections.abc import Iterable

COUNT = r"(?<![\w-])(\d[\d,_.]*\d|\d)"  # not within a name, as of a model
LIMITS = (  # the first that matches
    re.compile(rf"\d > {COUNT}|tokens > {COUNT}|\[\d, ?{COUNT}\]"),
    re.compile(rf"(?:context|model|prompt|sequence) (?:length|limit|window|size)\D{{0,40}}?(?<!by ){COUNT}", re.I),
    re.compile(
        rf"(?:context|max(?:imum|_\w+)?\b|limit|n_ctx|model|allowed|exceed|`? ?<=|be)\D{{0,50}}?(?<!by ){COUNT}", re.I
    ),
    re.compile(rf"{COUNT} (?:maximum|max)\b", re.I),
)
REQUESTED = re.compile(
    rf"(?:requested|resulted in|contains?|has|received|given|\bgot\b|current length|you (?:sent|passed)|too long|"
    rf"prompt length|\(length|request \(|input \(|length \(|count (?:\(|of|is)|(?:tokens?|input) \()"
    rf"(?:(?!max|limit)\D){{0,30}}?{COUNT}",
    re.IGNORECASE,
)
OTHER_UNIT = re.compile(r"characters|string", re.IGNORECASE)
STATUS_IN_WORDS = re.compile(r"<\d{3}>")  # DashScope's
LEAST_TOKENS = 32  # of a context; smaller numbers count something else


def context_numbers(message: str) -> tuple[int | None, int | None]:
    """(limit, requested) in tokens, as far as a message about a context that is too long says so."""
    if OTHER_UNIT.search(message) and "token" not in message.lower():
        return None, None
    message = STATUS_IN_WORDS.sub("", message)
    counts = _token_counts(re.findall(COUNT, message))
    requested = next(iter(_token_counts(REQUESTED.findall(message))), None)
    matches = (match for pattern in LIMITS for match in pattern.finditer(message))
    limits = _token_counts(next(filter(None, match.groups())) for match in matches)
    limit = next((count for count in limits if count != requested and count in counts), None)
    if limit is None and len(counts) == 2:
        limit, requested = min(counts), max(counts)
    return limit, requested


def _token_counts(texts: Iterable[str]) -> list[int]:
    """Those of the numbers that can be sizes of a context or a request."""
    return [count for text in texts if (count := _int(text)) is not None and count >= LEAST_TOKENS]


def _int(text: str) -> int | None:
    digits = re.sub(r"[,_]|\.(?=\d{3}\b)", "", text)
    return int(digits) if digits.isdecimal() and len(digits) < 10 else None
