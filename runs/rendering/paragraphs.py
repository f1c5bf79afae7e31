"""A paragraph's text within what a browser lays out at once: a long one stands in stretches, with its marks."""

from collections.abc import Iterator, Sequence

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from runs.rendering.stretches import LONGEST, STRETCH, stretches, weight_of

ELEMENT = 10  # the weight of an element: a thousand of them are as much as a paragraph may have
BREAKS = {"softbreak", "hardbreak"}


def stretch_paragraphs(state: StateCore) -> None:
    """A rule for the whole: whatever has text in it (a heading, a cell, an item) has so much at most in one box."""
    for token in state.tokens:
        if token.type == "inline" and token.children and _weight(token.children) > LONGEST:
            token.children = list(_in_stretches(token))


def _weight(tokens: Sequence[Token]) -> int:
    return sum(weight_of(token.content) + (0 if token.type == "text" else ELEMENT) for token in tokens)


def _in_stretches(paragraph: Token) -> Iterator[Token]:
    """Its tokens with a box around every few of them. What can't be cut is shown as it was written."""
    units, box = list(_units(paragraph.children)), "stretch"
    if any(_weight(unit) > LONGEST + STRETCH for unit in units):
        units, box = list(_pieces(paragraph.content)), "stretch prose--plain"
    for stretch in _boxes(units):
        yield Token("stretch_open", "span", 1, attrs={"class": box})
        yield from stretch
        yield Token("stretch_close", "span", -1)


def _boxes(units: Sequence[list[Token]]) -> Iterator[list[Token]]:
    stretch: list[Token] = []
    weight = 0
    for unit in units:
        more = _weight(unit)
        if stretch and (weight + more > LONGEST or (weight >= STRETCH and stretch[-1].type in BREAKS)):
            yield stretch
            stretch, weight = [], 0
        stretch += unit
        weight += more
    yield stretch


def _units(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """What stays in one box: a piece of text, or an emphasis or a link with all that is in it."""
    unit: list[Token] = []
    depth = 0
    for token in tokens:
        depth += token.nesting
        if token.type == "text" and depth == 0:
            yield from _pieces(token.content)
            continue
        unit.append(token)
        if depth == 0:
            yield unit
            unit = []


def _pieces(text: str) -> Iterator[list[Token]]:
    for piece in stretches(text):
        yield [Token("text", "", 0, content=piece)]
