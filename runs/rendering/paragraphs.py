"""Splits the text of a long paragraph into stretches, keeping its inline markup (see `stretches`)."""

from collections.abc import Iterator, Sequence

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from runs.rendering.stretches import MAX_STRETCH, STRETCH, stretches, weight_of

ELEMENT_WEIGHT = 10  # of an inline element: at most a thousand of them fit into a paragraph
LINE_BREAKS = {"softbreak", "hardbreak"}


def stretch_paragraphs(state: StateCore) -> None:
    """A core rule of markdown-it: limit the text in one box, be it a paragraph, a heading, a cell or an item."""
    for token in state.tokens:
        if token.type == "inline" and token.children and _weight(token.children) > MAX_STRETCH:
            token.children = list(_in_stretches(token))


def _weight(tokens: Sequence[Token]) -> int:
    return sum(weight_of(token.content) + (0 if token.type == "text" else ELEMENT_WEIGHT) for token in tokens)


def _in_stretches(paragraph: Token) -> Iterator[Token]:
    """The paragraph's tokens, grouped into boxes. If some of them cannot be split, its source is shown instead."""
    units, box = list(_units(paragraph.children or [])), "stretch"
    if any(_weight(unit) > MAX_STRETCH + STRETCH for unit in units):
        units, box = list(_pieces(paragraph.content)), "stretch prose--plain"
    for stretch in _boxes(units):
        yield Token("stretch_open", "span", 1, attrs={"class": box})
        yield from stretch
        yield Token("stretch_close", "span", -1)


def _boxes(units: Sequence[list[Token]]) -> Iterator[list[Token]]:
    stretch: list[Token] = []
    weight = 0
    for unit in units:
        unit_weight = _weight(unit)
        if stretch and (weight + unit_weight > MAX_STRETCH or (weight >= STRETCH and stretch[-1].type in LINE_BREAKS)):
            yield stretch
            stretch, weight = [], 0
        stretch += unit
        weight += unit_weight
    yield stretch


def _units(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Tokens that stay in one box: a piece of text, or an emphasis or a link with its content."""
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
