"""Markdown to safe HTML. Model output is untrusted until it has passed through here (B58).

Text that takes too long to render, or is nested too deeply, is shown plain: nothing is lost. The checks of the clock
catch the common cases and leave a readable answer. What they miss is ended by killing this process (B85).
"""

import re
from collections.abc import Callable, Sequence
from html import escape
from time import thread_time
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from runs.rendering.grammar import MAX_LEVEL, make_parser
from runs.rendering.highlighting import Budget, highlight
from runs.rendering.paragraphs import stretch_paragraphs
from runs.rendering.stretches import stretched

RENDER_SECONDS = 2.0  # s of this thread's CPU; an answer of 100 kB takes a quarter of it
MAX_MARKDOWN_CHARACTERS = 300_000  # longer answers stay plain: a browser would be slow with their HTML, too
MAX_HTML_CHARACTERS = 2_000_000  # of the result: a few characters of Markdown can produce a lot
MAX_HTML_TAGS = 40_000  # in the result: a browser lays out that many in a second, and a table of 100,000 cells in ten
MAX_SHOWN_CHARACTERS = 500_000  # of an answer on a page; the whole can be downloaded
MAX_LANGUAGE_CHARACTERS = 30

LINK_SCHEMES = {"http", "https", "mailto"}
ABSOLUTE_URL = re.compile(r"https?://[^/?#\\\s]|mailto:", re.IGNORECASE)  # targets of links: never a page of this site
WEB_URL = re.compile("https?:", re.IGNORECASE)
TAGS = {
    "a", "blockquote", "br", "button", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "input",
    "li", "ol", "p", "pre", "s", "span", "strong", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "target", "title"},
    "blockquote": {"dir"},
    "button": {"class", "type", "data-copy-code"},
    "code": {"class"},
    "div": {"class", "tabindex"},
    "input": {"type", "checked", "disabled"},
    "ol": {"dir", "start"},
    "pre": {"class", "tabindex"},
    "span": {"class"},
    "table": {"dir"},
    "td": {"class"},
    "th": {"class"},
    "ul": {"dir"},
}
BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")  # they make text look different from what it is
BIDI_OVERRIDES = re.compile("[\u202a-\u202e]")  # prose may have isolates, which right-to-left text needs; code may not
Env = dict[str, Any]  # markdown-it's environment of a text


class _TooExpensive(Exception):
    """Rendering this text costs too much."""


def render(markdown: str, highlights: bool = True) -> str:
    """Return `markdown` as HTML without scripts, without links to unknown schemes, and that loads nothing.

    Renders at most MAX_SHOWN_CHARACTERS, and takes not much longer than RENDER_SECONDS.
    """
    text = BIDI_OVERRIDES.sub("\ufffd", markdown[:MAX_SHOWN_CHARACTERS])
    try:
        if len(text) > MAX_MARKDOWN_CHARACTERS:
            raise _TooExpensive
        html = _markdown.render(text, _new_env(highlights))
        if len(html) > MAX_HTML_CHARACTERS or html.count("<") > MAX_HTML_TAGS:
            raise _TooExpensive
        return _cleaner.clean(html)
    except (_TooExpensive, RecursionError, MemoryError):
        return render_plain(text)


def render_plain(text: str) -> str:
    """The text without any formatting."""
    return f'<div class="prose--plain">{stretched(_marked(text))}</div>'


def _new_env(highlights: bool) -> Env:
    """markdown-it's environment for one text, with its limits."""
    budget = Budget() if highlights else Budget(characters=-1)
    return {"deadline": thread_time() + RENDER_SECONDS, "code": budget}


def _marked(text: str) -> str:
    """Text in which the order of characters matters, without controls that change it."""
    return BIDI_CONTROLS.sub("\ufffd", text)


def _guard_blocks(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A rule that matches nothing and raises if a limit is exceeded."""
    if state.level > MAX_LEVEL or thread_time() > state.env["deadline"]:
        raise _TooExpensive
    return False


def _guard_text(state: StateInline, silent: bool) -> bool:
    if thread_time() > state.env["deadline"]:
        raise _TooExpensive
    return False


def _code(_renderer: object, tokens: Sequence[Token], index: int, _options: OptionsDict, env: Env) -> str:
    """A block of code below a bar with its language and a copy button."""
    if thread_time() > env["deadline"]:
        raise _TooExpensive
    code = _marked(tokens[index].content)
    language = (tokens[index].info.split() or [""])[0][:MAX_LANGUAGE_CHARACTERS]
    content = highlight(code, language, env["code"]) or stretched(code)
    return (
        f'<div class="code"><div class="code__bar"><span>{escape(language)}</span>'
        '<button type="button" class="code__copy" data-copy-code>Copy</button></div>'
        f'<pre tabindex="0"><code>{content}</code></pre></div>\n'
    )


def _code_in_line(_renderer: object, tokens: Sequence[Token], index: int, *_: object) -> str:
    return f"<code>{escape(_marked(tokens[index].content))}</code>"


def _formula(_renderer: object, tokens: Sequence[Token], index: int, *_: object) -> str:
    """The source of a formula."""
    return f'<span class="math">{stretched(_marked(tokens[index].content))}</span>'


def _formula_block(_renderer: object, tokens: Sequence[Token], index: int, *_: object) -> str:
    return f'<div class="math">{stretched(_marked(tokens[index].content))}</div>\n'


def _task(_renderer: object, tokens: Sequence[Token], index: int, *_: object) -> str:
    checked = ' checked=""' if tokens[index].meta["is_done"] else ""
    return f'<input type="checkbox" disabled=""{checked}>'


def _footnote(_renderer: object, tokens: Sequence[Token], index: int, *_: object) -> str:
    return f'<div class="footnote"><sup>{escape(tokens[index].meta["label"])}</sup> '


def _footnote_reference(_renderer: object, tokens: Sequence[Token], index: int, *_: object) -> str:
    return f"<sup>{escape(tokens[index].content)}</sup>"


def _with_direction(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Env) -> str:
    """A list or quote whose marks stand on the side where its text begins."""
    tokens[index].attrs["dir"] = "auto"
    return renderer.renderToken(tokens, index, options, env)


def _link(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Env) -> str:
    """A link to another site, in a tab of its own. Any other link loses its target."""
    token = tokens[index]
    url = str(token.attrs.get("href", ""))
    if not ABSOLUTE_URL.match(url):
        token.attrs = {}
    elif WEB_URL.match(url):
        token.attrs["target"] = "_blank"
    if "title" in token.attrs:
        token.attrs["title"] = _marked(str(token.attrs["title"]))
    return renderer.renderToken(tokens, index, options, env)


def _cell(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Env) -> str:
    """A table cell with its alignment as a class: the CSP forbids inline styles."""
    token = tokens[index]
    side = str(token.attrs.pop("style", "")).removeprefix("text-align:")
    if side in ("right", "center"):
        token.attrs["class"] = side
    return renderer.renderToken(tokens, index, options, env)


def _make_parser() -> MarkdownIt:
    parser = make_parser()
    parser.block.ruler.before(
        "table", "guard", _guard_blocks, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.inline.ruler.before("text", "guard", _guard_text)
    parser.core.ruler.push("stretches", stretch_paragraphs)
    rules: dict[str, Callable[..., str]] = {"fence": _code, "code_block": _code, "code_inline": _code_in_line}
    rules |= {"formula": _formula, "formula_block": _formula_block, "task": _task}
    rules |= {"footnote_open": _footnote, "footnote_reference": _footnote_reference}
    rules |= {"th_open": _cell, "td_open": _cell, "link_open": _link}
    rules |= dict.fromkeys(("bullet_list_open", "ordered_list_open", "blockquote_open"), _with_direction)
    rules["table_open"] = lambda *_: '<div class="table" tabindex="0"><table dir="auto">\n'  # a wide table scrolls
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
