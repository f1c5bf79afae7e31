"""The numbers in a message about a context that is too long: the limit, and what was requested."""

import re

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
LEAST_TOKENS = 31  # of a context; smaller numbers are other ones


def context_numbers(message: str) -> tuple[int | None, int | None]:
    """(limit, requested) in tokens, as far as a message about a context that is too long says so."""
    if OTHER_UNIT.search(message) and "token" not in message.lower():
        return None, None
    message = STATUS_IN_WORDS.sub("", message)
    counts = [count for text in re.findall(COUNT, message) if (count := _int(text)) and count > LEAST_TOKENS]
    requested = next(
        (count for text in REQUESTED.findall(message) if (count := _int(text)) and count > LEAST_TOKENS), None
    )
    groups = (match.groups() for pattern in LIMITS for match in pattern.finditer(message))
    limits = [count for found in groups if (count := _int(next(filter(None, found)))) and count > LEAST_TOKENS]
    limit = next((count for count in limits if count != requested and count in counts), None)
    if limit is None and len(counts) == 2:
        limit, requested = min(counts), max(counts)
    return limit, requested


def _int(text: str) -> int | None:
    digits = re.sub(r"[,_]|\.(?=\d{3}\b)", "", text)
    return int(digits) if digits.isdecimal() and len(digits) < 10 else None
