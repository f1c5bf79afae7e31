"""Code as spans of tokens, for languages whose lexers behave, and as far as it costs little.

Pygments has lexers that match empty text for ever and others whose time grows with the square of a run of white space.
So only those are asked that were measured with degenerate code (`tests/runs/test_highlighting.py`), token by token
under a budget, and on what stands between long runs of white space. One regular expression can still take long by
itself: the process that this runs in is killed then (`runs.rendering.renderer`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import groupby
from time import thread_time

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

CHARACTERS = 50_000  # of code in one answer: Pygments is slow (10 µs a character)
TOKENS = 15_000  # in one answer: each is a span, and too many tags make the whole answer plain (`HTML_TAGS`)
SECONDS = 1.0  # s of CPU for the code of one answer
LINE = 1_000  # characters; in longer lines some expressions take for ever
SPACES, BLANK_LINES = 200, 10  # in a row; what is longer stands between two pieces that are highlighted apart
EMPTY_TOKENS = 100  # in a row: this lexer stands still
TOKENS_A_LOOK = 32  # between two looks at the clock

LANGUAGES = {  # Pygments' name of a lexer: what people call the language
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
    """This code is not worth its highlighting."""


@dataclass
class Budget:
    """What the code of one answer may cost, all blocks together."""

    characters: int = CHARACTERS
    tokens: int = TOKENS
    seconds: float = SECONDS


def highlighted(code: str, language: str, budget: Budget) -> str:
    """The code as HTML; empty where that can't be had: it is shown as it is then."""
    name = LEXERS.get(language.lower())
    if name is None or len(code) > budget.characters or budget.tokens <= 0 or budget.seconds <= 0:
        return ""
    if max(map(len, code.split("\n"))) > LINE:
        return ""
    budget.characters -= len(code)
    begin = thread_time()
    try:
        return _html(code, _lexer(name), budget, begin + budget.seconds)
    except Exception:  # over the budget, or a lexer that fails
        return ""
    finally:
        budget.seconds -= thread_time() - begin


@cache
def _lexer(name: str) -> Lexer:
    return get_lexer_by_name(name)


def _html(code: str, lexer: Lexer, budget: Budget, deadline: float) -> str:
    out: list[str] = []
    for piece, is_code in _pieces(code):
        tokens = _counted(lexer, piece, budget, deadline) if is_code else [("", piece)]
        for css_class, group in groupby(tokens, key=lambda token: token[0]):
            text = escape("".join(text for _, text in group))
            out.append(f'<span class="hl-{css_class}">{text}</span>' if css_class else text)
    return "".join(out)


def _pieces(code: str) -> Iterator[tuple[str, bool]]:
    """The code cut at long runs of white space: (piece, is there something to highlight)."""
    start = 0
    for space in _SPACE.finditer(code):
        if len(space[0]) > SPACES or space[0].count("\n") > BLANK_LINES + 1:
            yield code[start : space.start()], True
            yield space[0], False
            start = space.end()
    yield code[start:], True


def _counted(lexer: Lexer, code: str, budget: Budget, deadline: float) -> Iterator[tuple[str, str]]:
    """The tokens of a piece of code: (class, text). Raises _OverBudget, also if they are not all of it."""
    length = empty = 0
    for _, kind, text in lexer.get_tokens_unprocessed(code):
        budget.tokens -= 1
        empty = 0 if text else empty + 1
        if budget.tokens < 0 or empty > EMPTY_TOKENS:
            raise _OverBudget
        if budget.tokens % TOKENS_A_LOOK == 0 and thread_time() > deadline:
            raise _OverBudget
        length += len(text)
        yield _class_of(kind), text
    if length != len(code):
        raise _OverBudget


@cache
def _class_of(kind) -> str:
    """Pygments' short name for a kind of token; empty for what looks like any other text."""
    while kind not in STANDARD_TYPES:
        kind = kind.parent
    short = STANDARD_TYPES[kind]
    return "" if short == "w" else short
