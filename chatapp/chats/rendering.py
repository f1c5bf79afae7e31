"""Markdown to safe HTML. What a model writes is hostile until it has been through here (B58)."""

import nh3
from markdown_it import MarkdownIt
from mdit_py_plugins.tasklists import tasklists_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

LINK_SCHEMES = {"http", "https", "mailto"}
TAGS = {
    "a", "blockquote", "br", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "input",
    "li", "ol", "p", "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title"},
    "code": {"class"},
    "div": {"class", "data-language"},
    "input": {"type", "checked", "disabled", "class"},
    "li": {"class"},
    "ol": {"start"},
    "pre": {"class"},
    "span": {"class"},
    "ul": {"class"},
}
HIGHLIGHT_MAX_CHARACTERS = 50_000  # Pygments is slow (10 µs a character); longer blocks stay plain

_formatter = HtmlFormatter(nowrap=True, classprefix="hl-")


def _highlight(code: str, language: str, _attributes: str) -> str:
    """The code as spans of tokens; empty where the language is unknown (markdown-it then escapes it)."""
    if not language or len(code) > HIGHLIGHT_MAX_CHARACTERS:
        return ""
    try:
        return highlight(code, get_lexer_by_name(language, stripnl=False), _formatter)
    except ClassNotFound:
        return ""


_markdown = (
    MarkdownIt(
        "commonmark",
        {"html": False, "linkify": False, "breaks": True, "highlight": _highlight, "maxNesting": 20},
    )
    .enable(["table", "strikethrough"])
    .disable("image")  # a remote image would load by itself and tell its server who reads
    .use(tasklists_plugin)
)
_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    url_schemes=LINK_SCHEMES,
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"input": {"aria-label": "Task"}},  # a task's box has no label of its own
)


def render(markdown: str) -> str:
    """Return `markdown` as HTML that runs no script, follows no odd scheme and loads nothing."""
    return _cleaner.clean(_markdown.render(markdown))
