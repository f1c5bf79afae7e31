"""Text without a renderer: as much as a page shows of it, and its words without Markdown's marks.

Pages ask for this while a reader waits, so nothing here parses: what is read is bounded, and so is the work for each
character. Final answers get their HTML from `runs.rendering`, in another process.
"""

import re
from html import unescape

SHOWN_CHARACTERS = 500_000  # of an answer on a page; the rest is there as a file
WORDS_CHARACTERS = 4_000  # read for an excerpt or a title
BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")  # they let text read otherwise than it is

_FENCE = re.compile(r"\s*(?:```|~~~)")
_RULE = re.compile(r"[\s|:=*_-]+")  # of a heading, a table, or for itself
_BLOCK_MARKS = re.compile(r"\s*(?:(?:>|[-*+]\s+\[[ xX]\]|[-*+]|\d{1,9}[.)]|#{1,6})(?:\s+|$))*")
_CODE = re.compile(r"(?<!`)(`++)(?!`)(.*?[^`])\1(?!`)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]*)>")
_ITALIC = re.compile(r"(?<!\*)\*(?![*\s])([^*]*)(?<!\s)\*(?!\*)")
_EMPHASIS = [  # inner marks first: `_ITALIC` stands inside of bold text, or around it
    _ITALIC,
    re.compile(r"\*\*(?!\s)([^*]*)(?<!\s)\*\*"),
    _ITALIC,
    re.compile(r"(?<!\w)(_{1,3})(?![_\s])([^_]*(?:(?<=\w)_(?=\w)[^_]*)*)(?<!\s)\1(?!\w)"),
    re.compile(r"~~(?!\s)([^~]*)(?<!\s)~~"),
]
_ASIDE = 0xF0000  # a private plane: marks that are meant as they are wait there
_MARKS = {mark: _ASIDE + mark for mark in range(0x21, 0x7F) if not chr(mark).isalnum()}
_BACK = {aside: mark for mark, aside in _MARKS.items()}


def shown_text(content: str) -> str:
    """What a page shows of an answer that has no HTML."""
    return BIDI_CONTROLS.sub("\ufffd", content[:SHOWN_CHARACTERS])


def plain_words(markdown: str) -> str:
    """The words of the beginning of a Markdown text, in one line and without its marks, as far as these are simple."""
    lines = (line for line in markdown[:WORDS_CHARACTERS].split("\n") if not _FENCE.match(line))
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
