"""Text that is shown as it is, in stretches: each a box of its own, so that a browser lays out no more at once.

To lay out some alphabets takes the square of a box's length: a paragraph of 300,000 Arabic letters froze a tab for
minutes. The page's script builds the same boxes (plain.js). No character is added to the text, and none is left out.
"""

from collections.abc import Iterator
from html import escape
from unicodedata import category

STRETCH = 5_000  # the weight after which a box ends with its line,
LONGEST = 2 * STRETCH  # or between two words; a text that weighs less needs no boxes
MARK = 4  # the weight of an accent; thousands of them on one letter take longest
PIECE = 500  # characters weighed at once
OPENING, CLOSING = '<span class="stretch">', "</span>"


def stretched(text: str) -> str:
    """The text, escaped; a long one in its stretches."""
    if weight_of(text) <= LONGEST:
        return escape(text)
    return "".join(f"{OPENING}{escape(stretch)}{CLOSING}" for stretch in stretches(text))


def weight_of(text: str) -> int:
    """What a text costs to lay out, in letters."""
    if text.isascii():
        return len(text)
    return len(text) + (MARK - 1) * "".join(map(category, text)).count("M")  # of Mc, Me, Mn and of no other category


def stretches(text: str) -> Iterator[str]:
    """The text cut into pieces of which none weighs much more than LONGEST."""
    begin = place = weight = 0
    while place < len(text):
        limit = place + PIECE
        line = text.find("\n", place, limit) + 1 if weight >= STRETCH else 0
        piece = text[place : line or limit]
        weight += weight_of(piece)
        if weight >= LONGEST:  # here, if need be within a word
            piece = piece[: max(piece.rfind(" "), piece.rfind("\n")) + 1] or piece
        place += len(piece)
        if weight >= LONGEST or (weight >= STRETCH and piece.endswith("\n")):
            yield text[begin:place]
            begin, weight = place, 0
    if begin < len(text):
        yield text[begin:]
