"""Splits plain text into stretches, boxes that a browser lays out separately.

Laying out some scripts takes time quadratic in the length of a box: a paragraph of 300,000 Arabic letters froze a tab
for minutes. The page's script builds the same boxes (plain_text.js). No character is added or left out.
"""

from collections.abc import Iterator
from html import escape
from itertools import accumulate
from unicodedata import category

STRETCH = 5_000  # the weight after which a box ends at the next line break,
MAX_STRETCH = 2 * STRETCH  # or between two words; a text that weighs no more needs no boxes
ACCENT_WEIGHT = 4  # thousands of accents on one letter take longest
PIECE_CHARACTERS = 500  # characters weighed at once
OPENING, CLOSING = '<span class="stretch">', "</span>"


def stretched(text: str) -> str:
    """The escaped text, split into stretches if it is long."""
    if weight_of(text) <= MAX_STRETCH:
        return escape(text)
    return "".join(f"{OPENING}{escape(stretch)}{CLOSING}" for stretch in stretches(text))


def ends_of_stretches(text: str) -> list[int]:
    """The positions in a text where its stretches end; none if it is short enough for one box."""
    return list(accumulate(map(len, stretches(text)))) if weight_of(text) > MAX_STRETCH else []


def weight_of(text: str) -> int:
    """What it costs to lay out a text, in letters."""
    if text.isascii():
        return len(text)
    return len(text) + (ACCENT_WEIGHT - 1) * "".join(map(category, text)).count("M")  # categories Mc, Me and Mn


def stretches(text: str) -> Iterator[str]:
    """Split a text into pieces that do not weigh much more than MAX_STRETCH each."""
    start = position = weight = 0
    while position < len(text):
        limit = position + PIECE_CHARACTERS
        line = text.find("\n", position, limit) + 1 if weight >= STRETCH else 0
        piece = text[position : line or limit]
        weight += weight_of(piece)
        if weight >= MAX_STRETCH:  # if need be within a word
            piece = piece[: max(piece.rfind(" "), piece.rfind("\n")) + 1] or piece
        position += len(piece)
        if weight >= MAX_STRETCH or (weight >= STRETCH and piece.endswith("\n")):
            yield text[start:position]
            start, weight = position, 0
    if start < len(text):
        yield text[start:]
