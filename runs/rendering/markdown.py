"""Markdown to safe HTML. What a model writes is hostile until it has been through here (B58).

What takes too long, or is nested too deep, is shown as the plain text it is: nothing is lost. The looks at the clock
are for the common cases and leave a readable answer; what gets past them is ended with this process (B85).
"""

import re
from collections.abc import Sequence
from html import escape
from time import thread_time

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.tasklists import tasklists_plugin

from runs.rendering.highlighting import Budget, highlighted
from runs.rendering.paragraphs import stretch_paragraphs
from runs.rendering.stretches import LONGEST, stretched, weight_of

RENDER_SECONDS = 2.0  # s of this thread's CPU; an answer of 100 kB takes a quarter of it
MARKDOWN_CHARACTERS = 300_000  # longer answers stay plain: as HTML a browser would be slow with them too
HTML_CHARACTERS = 2_000_000  # that may come of it: a few characters can ask for a lot
HTML_TAGS = 40_000  # in it: so many take a browser a second to lay out, and a table of 100,000 cells ten
SHOWN_CHARACTERS = 500_000  # of an answer on a page; the rest is there as a file
MAX_LEVEL = 40  # of blocks within blocks
LANGUAGE_CHARACTERS = 30

LINK_SCHEMES = {"http", "https", "mailto"}
ABSOLUTE = re.compile(r"https?://[^/?#\\\s]|mailto:", re.IGNORECASE)  # where a link may lead: never into this site
TAGS = {
    "a", "blockquote", "br", "button", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "input",
    "li", "ol", "p", "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title"},
    "button": {"class", "type", "data-copy-code"},
    "code": {"class"},
    "div": {"class", "tabindex"},
    "input": {"type", "checked", "disabled", "class"},
    "li": {"class"},
    "ol": {"start"},
    "pre": {"class", "tabindex"},
    "span": {"class"},
    "td": {"class"},
    "th": {"class"},
    "ul": {"class"},
}
BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")  # they let text read otherwise than it is
ASCII = re.compile(r"[\x00-\x7f]+")
BRACKETS = {r"\(": (r"\)", "math_inline"), r"\[": (r"\]", "math_inline_double")}


class _TooMuch(Exception):
    """This text is not worth its rendering."""


def render(markdown: str, highlights: bool = True) -> str:
    """Return `markdown` as HTML that runs no script, follows no odd scheme and loads nothing.

    At most SHOWN_CHARACTERS of it, in not much more than RENDER_SECONDS.
    """
    text = BIDI_CONTROLS.sub("\ufffd", markdown[:SHOWN_CHARACTERS])
    try:
        if len(text) > MARKDOWN_CHARACTERS:
            raise _TooMuch
        html = _markdown.render(text, _limits(highlights))
        if len(html) > HTML_CHARACTERS or html.count("<") > HTML_TAGS:
            raise _TooMuch
        return _cleaner.clean(html)
    except (_TooMuch, RecursionError, MemoryError):
        return plain(text)


def plain(text: str) -> str:
    """A text as it was written."""
    return f'<div class="prose--plain">{stretched(text)}</div>'


def _limits(highlights: bool) -> dict:
    """What one text may cost, and (`unclosed`) the marks that its present piece is known not to have any more."""
    budget = Budget() if highlights else Budget(characters=-1)
    return {"deadline": thread_time() + RENDER_SECONDS, "code": budget, "unclosed": {}}


def _guard_blocks(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A rule that matches nothing, and ends what has gone too far."""
    if state.level > MAX_LEVEL or thread_time() > state.env["deadline"]:
        raise _TooMuch
    return False


def _guard_text(state: StateInline, silent: bool) -> bool:
    if thread_time() > state.env["deadline"]:
        raise _TooMuch
    return False


def _code(_renderer: object, tokens: Sequence[Token], index: int, _options: object, env: dict) -> str:
    """A block of code under its language and a button that copies it."""
    if thread_time() > env["deadline"]:
        raise _TooMuch
    code = tokens[index].content
    language = (tokens[index].info.split() or [""])[0][:LANGUAGE_CHARACTERS]
    return (
        f'<div class="code"><div class="code__bar"><span>{escape(language)}</span>'
        '<button type="button" class="code__copy" data-copy-code>Copy</button></div>'
        f'<pre tabindex="0"><code>{_colored(code, language, env["code"]) or stretched(code)}</code></pre></div>\n'
    )


def _colored(code: str, language: str, budget: Budget) -> str:
    """The code highlighted, in one box; empty if so much of it is no ASCII that a browser could be slow with that."""
    is_slow = not code.isascii() and weight_of(ASCII.sub("", code)) > LONGEST
    return "" if is_slow else highlighted(code, language, budget)


def _bracketed_math(state: StateInline, silent: bool) -> bool:
    r"""`\(…\)` and `\[…\]`, shown with the dollars that most people know."""
    opening = state.src[state.pos : state.pos + 2]
    if opening not in BRACKETS:
        return False
    closing, kind = BRACKETS[opening]
    unclosed = state.env["unclosed"]
    if unclosed.get(closing) is state.src:  # or many that are opened would each look through all that follows
        return False
    end = state.src.find(closing, state.pos + 2)
    if end < 0:
        unclosed[closing] = state.src
        return False
    if not silent:
        state.push(kind, "math", 0).content = state.src[state.pos + 2 : end]
    state.pos = end + 2
    return True


def _math(mark: str):
    """Formulas are shown as they were written: nothing in them is taken for Markdown."""

    def rule(_renderer: object, tokens: Sequence[Token], index: int, _options: object, _env: dict) -> str:
        token = tokens[index]
        text = stretched(f"{mark}{token.content}{mark}")
        return f'<div class="math">{text}</div>\n' if token.block else f'<span class="math">{text}</span>'

    return rule


def _link(renderer: object, tokens: Sequence[Token], index: int, options: object, env: dict) -> str:
    """A link that leads to another site, or nowhere; the page draws it so while it arrives (drawing.js)."""
    token = tokens[index]
    if not ABSOLUTE.match(str(token.attrs.get("href", ""))):
        token.attrs = {}
    return renderer.renderToken(tokens, index, options, env)


def _cell(renderer: object, tokens: Sequence[Token], index: int, options: object, env: dict) -> str:
    """A cell's alignment as a class: styles within a page are forbidden."""
    token = tokens[index]
    side = str(token.attrs.pop("style", "")).removeprefix("text-align:")
    if side in ("right", "center"):
        token.attrs["class"] = side
    return renderer.renderToken(tokens, index, options, env)


def _make_parser() -> MarkdownIt:
    options = {"html": False, "linkify": False, "breaks": True, "maxNesting": 2 * MAX_LEVEL}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    parser.disable("image")  # a remote image would load by itself and tell its server who reads
    parser.validateLink = lambda _address: True  # `_link` decides
    parser.use(tasklists_plugin)
    parser.use(dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False, double_inline=True)
    parser.block.ruler.before(
        "table", "guard", _guard_blocks, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.inline.ruler.before("text", "guard", _guard_text)
    parser.core.ruler.push("stretches", stretch_paragraphs)
    parser.inline.ruler.before("escape", "bracketed_math", _bracketed_math)
    rules = {"fence": _code, "code_block": _code, "math_inline": _math("$")}
    rules |= {"math_inline_double": _math("$$"), "math_block": _math("$$")}
    rules["table_open"] = lambda *_: '<div class="table" tabindex="0"><table>\n'  # a wide one is scrolled by itself
    rules |= {"th_open": _cell, "td_open": _cell, "link_open": _link}
    rules["table_close"] = lambda *_: "</table></div>\n"
    for name, rule in rules.items():
        parser.add_render_rule(name, rule)
    return parser


_markdown = _make_parser()
_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    url_schemes=LINK_SCHEMES,
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"input": {"aria-label": "Task"}},  # a task's box has no label of its own
)
