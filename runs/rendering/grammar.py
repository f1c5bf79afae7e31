r"""The Markdown of answers: CommonMark with tables, strikethrough, and the rules below.

The page's script draws an answer with the same grammar while it is being written (markdown_grammar.js).
Change both together: `tests/browser_units/test_same_grammar.py` compares them. So the rules look at no more than the
current block: whatever follows a finished block never changes it, except for definitions of links and footnotes.

* Formulas: `$…$`, `$$…$$`, `\(…\)` and `\[…\]` in a line; lines between `$$`.
* Footnotes: `[^label]` where `[^label]: text` is defined, which stays where it is.
* Tasks: an item that begins with `[ ]` or `[x]`.
* Bare links: `https://example.org`, `www.example.org`, `me@example.org`. Line breaks: `<br>`.
* Emphasis beside CJK characters needs no spaces: **「這樣」**才對.
"""

import re
from collections.abc import Iterator
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import isPunctChar, isWhiteSpace, mdTrim
from markdown_it.parser_inline import ParserInline
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token

MAX_LEVEL = 40  # of nested blocks

FORMULA = re.compile(r"\$(?![$ \t\n])((?:[^$\\]|\\[\s\S])+)(?<![ \t\n])\$(?![0-9])")
DISPLAY_FORMULA = re.compile(r"\$\$((?:[^$\\]|\\[\s\S]|\$(?!\$))+)\$\$(?![0-9])")
BRACKETS = {r"\(": (r"\)", "$"), r"\[": (r"\]", "$$")}  # opening: (closing, how the formula is shown)
TILDES = re.compile("~{3,}")
LINE_BREAK = re.compile(r"<br[ \t]*/?>", re.IGNORECASE)
SCHEME = re.compile(r"(?:^|[^a-zA-Z0-9+.-])(https?)\Z", re.IGNORECASE)  # before the colon of a bare link
TEXT_END = re.compile(r"[\n!#$%&*+\-:<=>@\[\\\]^_`{}~]|(?<=[ \t(])www\.")
BARE_LINK = re.compile(
    r"(?:://|www\.)[^\x00-\x20<>\"`\x7f-\xa0\xab\xbb\u1680\u2000-\u206f\u3000-\u303f\ufe30-\ufe6f\ufeff"
    r"\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+"
)
LINK_END = re.compile(r"(?:&[a-zA-Z0-9]+;|[?!.,:;*_~'|])+\Z")  # entities and punctuation after a bare link
BEFORE_LINK = re.compile(r"[ \t\n*_~(]?\Z")  # the character before `www.`
HOST = re.compile(r"[\w.-]*")
EMAIL_HOST = re.compile(r"@[a-zA-Z0-9_-]+(?:\.[a-zA-Z0-9_-]+)+")
EMAIL_NAME = re.compile(r"[a-zA-Z0-9._+-]")
FOOTNOTE = re.compile(r"\[\^([^\s\[\]]{1,100})\]")
FOOTNOTE_DEFINITION = re.compile(r"\[\^([^\s\[\]]{1,100})\]:[ \t]*")
TASK = re.compile(r"\[[ xX]\][ \t\n]")
CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\ufe30-\ufe4f\uff00-\uffef\U0001b000-\U0001b16f\U00020000-\U0003fffd]"
)


def make_parser() -> MarkdownIt:
    """A parser of the grammar, without render rules."""
    options = {"html": False, "linkify": False, "breaks": True, "maxNesting": 2 * MAX_LEVEL}
    parser = MarkdownIt("commonmark", options)
    parser.inline = _InlineParser()
    parser.configure("commonmark", options).enable(["table", "strikethrough"])
    parser.disable("image")  # a remote image would load by itself and reveal the reader to its server
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # the renderer decides
    interrupts: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    parser.block.ruler.before("fence", "formula_block", _formula_block)
    parser.block.ruler.before("reference", "footnote", _footnote_definition, interrupts)
    parser.inline.ruler.before("escape", "formula", _formula)
    parser.inline.ruler.before("link", "footnote_reference", _footnote_reference)
    parser.inline.ruler.before("autolink", "line_break", _line_break)
    parser.inline.ruler.before("strikethrough", "tildes", _tildes)
    parser.inline.ruler.before("escape", "bare_link", _bare_link)
    parser.inline.ruler.before("text", "www_link", _www_link)
    parser.inline.ruler.at("text", _text)
    parser.inline.ruler2.after("fragments_join", "email_link", _email_links)
    parser.core.ruler.after("block", "tasks", _tasks)
    return parser


class _InlineState(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        """As in CommonMark, except that punctuation beside a CJK character is beside a boundary.

        Chinese and Japanese are written without spaces, so there `**「a」**b` would not be bold.
        """
        end = start
        while end < self.posMax and self.src[end] == self.src[start]:
            end += 1
        before, after = self.src[start - 1] if start else " ", self.src[end] if end < self.posMax else " "
        left = not isWhiteSpace(ord(after)) and (not _is_punctuation(after) or _is_boundary(before))
        right = not isWhiteSpace(ord(before)) and (not _is_punctuation(before) or _is_boundary(after))
        can_open = left and (canSplitWord or not right or isPunctChar(before))
        can_close = right and (canSplitWord or not left or isPunctChar(after))
        return Scanned(can_open, can_close, end - start)


def _is_punctuation(character: str) -> bool:
    return isPunctChar(character) and not CJK.match(character)


def _is_boundary(character: str) -> bool:
    return isWhiteSpace(ord(character)) or isPunctChar(character) or bool(CJK.match(character))


class _InlineParser(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: Any, tokens: list[Token]) -> list[Token]:
        state = _InlineState(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


def _formula(state: StateInline, silent: bool) -> bool:
    """Nothing in a formula is Markdown. It is shown between dollars."""
    opening = state.src[state.pos : state.pos + 2]
    if opening in BRACKETS:
        return _bracketed_formula(state, opening, silent)
    if not opening.startswith("$") or (state.pos and state.src[state.pos - 1] in "0123456789"):
        return False
    match = (DISPLAY_FORMULA if opening == "$$" else FORMULA).match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("formula", "", 0).content = match[0]
    state.pos = match.end()
    return True


def _bracketed_formula(state: StateInline, opening: str, silent: bool) -> bool:
    closing, mark = BRACKETS[opening]
    unclosed = state.env.setdefault("unclosed", {})
    if unclosed.get(closing) is state.src:  # else each of many opening marks would search the whole rest
        return False
    end = state.src.find(closing, state.pos + 2)
    if end < 0:
        unclosed[closing] = state.src
        return False
    if end + 2 > state.posMax:
        return False
    if not silent:
        state.push("formula", "", 0).content = mark + state.src[state.pos + 2 : end] + mark
    state.pos = end + 2
    return True


def _formula_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Lines between `$$`. A line that is only `$$` opens a block as a fence does: it ends with the text at the latest.

    If text follows the opening marks, the closing ones must come before a blank line.
    """
    if state.is_code_block(start):
        return False
    first = _line(state, start)
    if not first.startswith("$$"):
        return False
    closing = first.find("$$", 2)
    if closing == 2 or closing not in (-1, len(first) - 2):
        return False
    after = start + 1 if closing > 0 else _after_formula(state, start, end, is_fence=first == "$$")
    if after is None:
        return False
    token = state.push("formula_block", "", 0)
    token.content = "\n".join(_line(state, line) for line in range(start, after))
    token.map = [start, after]
    state.line = after
    return True


def _after_formula(state: StateBlock, start: int, end: int, is_fence: bool) -> int | None:
    """The line after the closing marks, or after a fence that is not closed. None if this is no formula."""
    for line in range(start + 1, end):
        is_blank = state.isEmpty(line)
        if not is_blank and state.sCount[line] < state.blkIndent:  # the end of the item or quote around it
            return line if is_fence else None
        if is_blank and not is_fence:
            return None
        if _line(state, line).endswith("$$"):
            return line + 1
    return end if is_fence else None


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip(" \t")


def _footnote_definition(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.is_code_block(start):
        return False
    match = FOOTNOTE_DEFINITION.match(state.src, state.bMarks[start] + state.tShift[start], state.eMarks[start])
    if match is None:
        return False
    if silent:
        return True
    line = _end_of_paragraph(state, start, end)
    label = match[1]
    state.env.setdefault("footnotes", {}).setdefault(label, label)
    opening = state.push("footnote_open", "div", 1)
    opening.map, opening.meta = [start, line], {"label": label}
    inline = state.push("inline", "", 0)
    text = state.getLines(start, line, state.blkIndent, False).strip(" \t\n")
    inline.content = mdTrim(text[len(match[0].rstrip(" \t")) :])
    inline.map, inline.children = [start, line], []
    state.push("footnote_close", "div", -1)
    state.line = line
    return True


def _end_of_paragraph(state: StateBlock, start: int, end: int) -> int:
    rules = state.md.block.ruler.getRules("paragraph")
    parent, state.parentType = state.parentType, "paragraph"
    line = start + 1
    while line < end and not state.isEmpty(line):
        can_interrupt = state.sCount[line] >= 0 and state.sCount[line] - state.blkIndent <= 3
        if can_interrupt and any(rule(state, line, end, True) for rule in rules):
            break
        line += 1
    state.parentType = parent
    return line


def _footnote_reference(state: StateInline, silent: bool) -> bool:
    match = FOOTNOTE.match(state.src, state.pos, state.posMax)
    if match is None or not state.env.get("footnotes", {}).get(match[1]):
        return False
    if not silent:
        state.push("footnote_reference", "sup", 0).content = match[1]
    state.pos = match.end()
    return True


def _line_break(state: StateInline, silent: bool) -> bool:
    match = LINE_BREAK.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = match.end()
    return True


def _tildes(state: StateInline, silent: bool) -> bool:
    """Three and more tildes strike nothing out."""
    match = TILDES.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.append_pending(match[0])
    state.pos = match.end()
    return True


def _bare_link(state: StateInline, silent: bool) -> bool:
    """A bare address, up to its trailing punctuation and a bracket that it does not open."""
    if state.src[state.pos] != ":" or state.linkLevel > 0 or silent:
        return False
    scheme = SCHEME.search(state.pending[-6:])
    match = BARE_LINK.match(state.src, state.pos, state.posMax)
    if scheme is None or match is None:
        return False
    rest = _trimmed_link(match[0])
    if len(rest) <= len("://"):
        return False
    url = scheme[1] + rest
    state.pending = state.pending[: -len(scheme[1])]
    _push_link(state, url, url)
    state.pos += len(rest)
    return True


def _www_link(state: StateInline, silent: bool) -> bool:
    """An address that begins with `www.`, with a dot in its host and no `_` in the last two parts of it."""
    if state.src[state.pos] != "w" or state.linkLevel > 0 or silent:
        return False
    match = BARE_LINK.match(state.src, state.pos, state.posMax)
    if match is None or not BEFORE_LINK.match(state.src[: state.pos][-1:]):
        return False
    if any("_" in part for part in HOST.match(match[0])[0].split(".")[-2:]):  # type: ignore[index]  # may be empty
        return False
    link = _trimmed_link(match[0])
    if len(link) <= len("www."):
        return False
    _push_link(state, link, f"http://{link}")
    state.pos += len(link)
    return True


def _push_link(state: StateInline, content: str, url: str) -> None:
    state.push("link_open", "a", 1).attrs = {"href": state.md.normalizeLink(url)}
    state.push("text", "", 0).content = content
    state.push("link_close", "a", -1)


def _text(state: StateInline, silent: bool) -> bool:
    """As the parser's own rule, which does not stop at `www.`"""
    start = state.pos
    if TEXT_END.match(state.src, start) and state.src[start] != "w":
        return False
    found = TEXT_END.search(state.src, start + 1)
    state.pos = min(found.start(), state.posMax) if found else state.posMax
    if not silent:
        state.append_pending(state.src[start : state.pos])
    return True


def _email_links(state: StateInline) -> None:
    """After all other rules: addresses of e-mail become links. `_` in them is no emphasis within a word."""
    if "@" not in state.src:
        return
    tokens: list[Token] = []
    depth = 0
    for token in state.tokens:
        if token.type in ("link_open", "link_close"):
            depth += token.nesting
        tokens += _with_email_links(token, state) if token.type == "text" and depth == 0 else [token]
    state.tokens[:] = tokens


def _with_email_links(token: Token, state: StateInline) -> Iterator[Token]:
    content, level, end = token.content, token.level, 0  # `end`: of what was yielded
    for found in EMAIL_HOST.finditer(content):
        start = found.start()
        while start > end and EMAIL_NAME.match(content[start - 1]):
            start -= 1
        if start == found.start() or found[0].endswith(("-", "_")):
            continue
        if start > end:
            yield Token("text", "", 0, content=content[end:start], level=level)
        end = found.end()
        href = state.md.normalizeLink(f"mailto:{content[start:end]}")
        yield Token("link_open", "a", 1, attrs={"href": href}, level=level)
        yield Token("text", "", 0, content=content[start:end], level=level + 1)
        yield Token("link_close", "a", -1, level=level)
    if end == 0:
        yield token
    elif end < len(content):
        yield Token("text", "", 0, content=content[end:], level=level)


def _trimmed_link(link: str) -> str:
    while True:
        trimmed = LINK_END.sub("", link)
        for opening, closing in ("()", "[]"):
            if trimmed.endswith(closing) and trimmed.count(closing) > trimmed.count(opening):
                trimmed = trimmed[:-1]
        if trimmed == link:
            return link
        link = trimmed


def _tasks(state: StateCore) -> None:
    """Make a box of the mark at the beginning of an item."""
    for item, paragraph, inline in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if (item.type, paragraph.type, inline.type) != ("list_item_open", "paragraph_open", "inline"):
            continue
        if TASK.match(inline.content):
            task = Token("task", "input", 0)
            task.meta = {"is_done": inline.content[1] != " "}
            inline.content = inline.content[3:]
            inline.children = [task]
