"""Syntax highlighting with Pygments, for languages whose lexers are known to behave, under a budget.

Some lexers of Pygments match empty text forever, and others take time quadratic in the length of a run of white space.
So only lexers are used that were measured with degenerate code (`tests/runs/test_highlighting.py`). The budget is
checked token by token, and code is split at long runs of white space. A single regular expression can still take long:
then the process that this runs in is killed (`runs.rendering.renderer`).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import chain, groupby
from time import thread_time
from typing import Any

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

from runs.rendering.stretches import CLOSING, OPENING, ends_of_stretches

MAX_CHARACTERS = 50_000  # of code in one answer: Pygments is slow (10 µs a character)
MAX_TOKENS = 15_000  # in one answer: each is a span, and with too many tags the answer is shown plain (`MAX_HTML_TAGS`)
MAX_SECONDS = 1.0  # s of CPU for the code of one answer
MAX_LINE_CHARACTERS = 1_000  # in longer lines some regular expressions never finish
MAX_SPACES, MAX_BLANK_LINES = 200, 10  # in a row; code is split at longer runs
MAX_EMPTY_TOKENS = 100  # in a row: with more the lexer makes no progress
TOKENS_PER_CLOCK_CHECK = 32

LANGUAGES = {  # Pygments' name of a lexer: what the language is called in Markdown
    "bash": "bash sh shell zsh ksh",
    "c": "c h",
    "console": "console shell-session shellsession",
    "cpp": "cpp c++ cc cxx hpp",
    "csharp": "csharp c# cs",
    "css": "css",
    "dart": "dart",
    "diff": "diff patch",
    "docker": "docker dockerfile containerfile",
    "elixir": "elixir ex exs",
    "go": "go golang",
    "graphql": "graphql gql",
    "haskell": "haskell hs",
    "html": "html htm",
    "ini": "ini cfg conf properties dosini",
    "java": "java",
    "javascript": "javascript js mjs cjs node",
    "json": "json jsonc json5 jsonl",
    "julia": "julia jl",
    "kotlin": "kotlin kt",
    "latex": "latex tex",
    "lua": "lua",
    "make": "make makefile mf",
    "nginx": "nginx",
    "objective-c": "objective-c objectivec objc",
    "perl": "perl pl",
    "php": "php",
    "powershell": "powershell ps1 pwsh posh",
    "protobuf": "protobuf proto",
    "pycon": "pycon",
    "python": "python py python3 py3",
    "r": "r",
    "ruby": "ruby rb",
    "rust": "rust rs",
    "scala": "scala",
    "scss": "scss",
    "sql": "sql mysql postgres postgresql sqlite",
    "swift": "swift",
    "terraform": "terraform tf hcl",
    "toml": "toml",
    "typescript": "typescript ts",
    "xml": "xml svg xsd xslt",
    "yaml": "yaml yml",
}
LEXERS = {name: lexer for lexer, names in LANGUAGES.items() for name in names.split()}

_SPACE = re.compile(r"\s+")


class _OverBudget(Exception):
    """Highlighting this code costs too much."""


@dataclass
class Budget:
    """What all code blocks of one answer may still cost together."""

    characters: int = MAX_CHARACTERS
    tokens: int = MAX_TOKENS
    seconds: float = MAX_SECONDS


def highlight(code: str, language: str, budget: Budget) -> str:
    """The highlighted code as HTML, in stretches if it is long; empty if it is to be shown plain.

    The page's script finds the same colours while code is written (chat/code_text.js).
    """
    name = LEXERS.get(language.lower())
    is_whole = len(code) <= budget.characters
    coloured = code if is_whole else code[: code.rfind("\n", 0, max(budget.characters, 0)) + 1]
    if name is None or not coloured or budget.tokens <= 0 or budget.seconds <= 0:
        return ""
    if max(map(len, code.split("\n"))) > MAX_LINE_CHARACTERS:
        return ""
    budget.characters -= len(coloured)
    begin = thread_time()
    try:
        tokens = _tokens(coloured, _lexer(name), budget, begin + budget.seconds)
        return _to_html(chain(tokens, [("", code[len(coloured) :])]), ends_of_stretches(code))
    except Exception:  # over the budget, or a lexer that fails
        return ""
    finally:
        budget.seconds -= thread_time() - begin


@cache
def _lexer(name: str) -> Lexer:
    return get_lexer_by_name(name)


def _tokens(code: str, lexer: Lexer, budget: Budget, deadline: float) -> Iterator[tuple[str, str]]:
    for piece, is_code in _pieces(code):
        yield from _budgeted_tokens(lexer, piece, budget, deadline) if is_code else [("", piece)]


def _to_html(tokens: Iterable[tuple[str, str]], ends: Sequence[int]) -> str:
    """Tokens as HTML, in boxes that end at these positions; in none if there are no such positions."""
    boxes: list[list[str]] = [[] for _ in ends or [0]]
    position = box = 0
    for css_class, group in groupby(tokens, key=lambda token: token[0]):
        rest = "".join(text for _, text in group)
        while rest:
            text = rest[: ends[box] - position] if ends else rest
            escaped = escape(text)
            boxes[box].append(f'<span class="hl-{css_class}">{escaped}</span>' if css_class else escaped)
            position += len(text)
            rest = rest[len(text) :]
            if ends and position == ends[box]:
                box += 1
    if not ends:
        return "".join(boxes[0])
    return "".join(f"{OPENING}{''.join(each)}{CLOSING}" for each in boxes)


def _pieces(code: str) -> Iterator[tuple[str, bool]]:
    """Split code at long runs of white space: (piece, whether to highlight it)."""
    start = 0
    for space in _SPACE.finditer(code):
        if len(space[0]) > MAX_SPACES or space[0].count("\n") > MAX_BLANK_LINES + 1:
            yield code[start : space.start()], True
            yield space[0], False
            start = space.end()
    yield code[start:], True


def _budgeted_tokens(lexer: Lexer, code: str, budget: Budget, deadline: float) -> Iterator[tuple[str, str]]:
    """The tokens of a piece of code: (CSS class, text). Raises _OverBudget, also if some of the code is missing."""
    length = empty = 0
    for _, kind, text in lexer.get_tokens_unprocessed(code):
        budget.tokens -= 1
        empty = 0 if text else empty + 1
        if budget.tokens < 0 or empty > MAX_EMPTY_TOKENS:
            raise _OverBudget
        if budget.tokens % TOKENS_PER_CLOCK_CHECK == 0 and thread_time() > deadline:
            raise _OverBudget
        length += len(text)
        yield _css_class(kind), text
    if length != len(code):
        raise _OverBudget


@cache
def _css_class(kind: Any) -> str:
    """Pygments' short name for a kind of token; empty for plain text."""
    while kind not in STANDARD_TYPES:
        kind = kind.parent
    short = STANDARD_TYPES[kind]
    return "" if short == "w" else short
