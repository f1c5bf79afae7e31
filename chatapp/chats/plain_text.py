"""Text without a renderer: the part that a page shows, and excerpts without Markdown's marks.

Called while a page loads, so nothing here parses Markdown: the input is bounded, and so is the work per character.
`runs.rendering` renders the HTML of final answers, in another process.
"""

import re
from html import unescape

SHOWN_CHARACTERS = 500_000  # of an answer on a page; the rest is available as a file
EXCERPT_CHARACTERS = 4_000  # characters read for an excerpt or a title
BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")  # they make text read differently from its order

_FENCE = re.compile(r"\s*(?:```|~~~)")
_RULE = re.compile(r"[\s|:=*_-]+")  # of a heading or a table, or a rule
_BLOCK_MARKS = re.compile(r"\s*(?:(?:>|[-*+]\s+\[[ xX]\]|[-*+]|\d{1,9}[.)]|#{1,6})(?:\s+|$))*")
_CODE = re.compile(r"(?<!`)(`++)(?!`)(.*?[^`])\1(?!`)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]*)>")
_ITALIC = re.compile(r"(?<!\*)\*(?![*\s])([^*]*)(?<!\s)\*(?!\*)")
_EMPHASIS = [  # inner marks first: italics may be inside bold text, or around it
    _ITALIC,
    re.compile(r"\*\*(?!\s)([^*]*)(?<!\s)\*\*"),
    _ITALIC,
    re.compile(r"(?<!\w)(_{1,3})(?![_\s])([^_]*(?:(?<=\w)_(?=\w)[^_]*)*)(?<!\s)\1(?!\w)"),
    re.compile(r"~~(?!\s)([^~]*)(?<!\s)~~"),
]
_ASIDE = 0xF0000  # private-use characters, to which escaped marks are moved
_MARKS = {mark: _ASIDE + mark for mark in range(0x21, 0x7F) if not chr(mark).isalnum()}
_BACK = {aside: mark for mark, aside in _MARKS.items()}


def text_for_page(content: str) -> str:
    """The text that a page shows of an answer without HTML."""
    return BIDI_CONTROLS.sub("\ufffd", content[:SHOWN_CHARACTERS])


def excerpt_of(markdown: str) -> str:
    """The beginning of a Markdown text, in one line and without simple marks."""
    lines = (line for line in markdown[:EXCERPT_CHARACTERS].split("\n") if not _FENCE.match(line))
    inline = " ".join(_without_block_marks(line) for line in lines if not _RULE.fullmatch(line))
    return " ".join(_without_marks(inline).split())


def _without_block_marks(line: str) -> str:
    if line.lstrip().startswith("|"):  # a row of a table
        return line.replace("|", " ")
    return line[_BLOCK_MARKS.match(line).end() :]


def _without_marks(text: str) -> str:
    text = _CODE.sub(lambda match: match[2].translate(_MARKS), text)
    text = _ESCAPE.sub(lambda match: chr(_MARKS[ord(match[1])]), text)
    text = _AUTOLINK.sub(lambda match: match[1].translate(_MARKS), text)
    text = _LINK.sub(r"\1", text)
    for marks in _EMPHASIS:
        text = marks.sub(lambda match: match[match.lastindex], text)
    return unescape(text).translate(_BACK)
