"""Writes Pygments' lexers as modules of the browser, so that code has the server's colours while it is written.

    .venv/bin/python deploy/lexers.py

Each becomes a table for `chat/lexer.js`, which goes through it as Pygments does. Regular expressions are rewritten
from their parse trees into JavaScript's. Lexers with code of their own are left out: there, colours come at the end.
A test compares the tables with the installed Pygments, and what both make of code.
"""

import json
import re
import sys
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]  # private, but the only way to a parse tree
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

from pygments.lexer import RegexLexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, Punctuation, String, Whitespace, _TokenType

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from runs.rendering import highlighting  # noqa: E402  # after the path is set

FOLDER = ROOT / "chatapp" / "web" / "chat" / "static" / "lexers"
LANGUAGES = [  # names of lexers
    *("bash", "c", "cpp", "csharp", "css", "dart", "diff", "go", "graphql", "haskell", "html", "ini", "java"),
    *("javascript", "json", "julia", "kotlin", "latex", "nginx", "objective-c", "perl", "powershell"),
    *("protobuf", "python", "r", "rust", "scss", "sql", "swift", "toml", "typescript", "xml"),
]
WORD, NOT_WORD = r"\p{L}\p{N}_", r"\W"
CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\p{Nd}",
    sre.CATEGORY_NOT_DIGIT: r"\P{Nd}",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: WORD,
    sre.CATEGORY_NOT_WORD: NOT_WORD,
}
AT = {
    sre.AT_BEGINNING_STRING: r"(?<![^])",
    sre.AT_END_STRING: r"(?![^])",
    sre.AT_BOUNDARY: r"\b",
    sre.AT_NON_BOUNDARY: r"\B",
}
MANY_RANGES = 30  # outside ASCII: a class of letters, which JavaScript knows by name,
PROBES = {(1, 1, 1): "ID_Continue", (1, 1, 0): "ID_Start", (1, 0, 0): "Lu", (0, 1, 0): "Ll"}  # if it has these:
PROBED = (0x3A9, 0x3C9, 0x301)  # a capital, a small letter, an accent


class NotTranslatable(Exception):
    """The lexer needs code, or an expression that JavaScript does not have."""


class Json(RegexLexer):
    """What Pygments does with JSON by a loop of its own."""

    tokens = {
        "root": [
            (r"\s+", Whitespace),
            (r'"(?:[^"\\]|\\(?:.|\n))*"(?=(?:\s|//.*\n|/\*(?:.|\n)*?\*/)*:)', Name.Tag),
            (r'"(?:[^"\\]|\\(?:.|\n))*"', String.Double),
            (r"//.*", Comment.Single),
            (r"/\*(?:.|\n)*?\*/", Comment.Multiline),
            (r"[-0-9]+[.eE+][-0-9.eE+]*", Number.Float),
            (r"[-0-9]+", Number.Integer),
            (r"[truefalsn]+", Keyword.Constant),
            (r"[{}\[\],:]+", Punctuation),
        ]
    }


class Expression:
    """One regular expression in JavaScript's words; its flag `u` is always set, no other."""

    def __init__(self, pattern: re.Pattern[str]):
        tree = sre_parser.parse(pattern.pattern, pattern.flags)
        self._flags = tree.state.flags
        self.source = self._sequence(tree, self._flags)

    def _sequence(self, items: Any, flags: int) -> str:
        return "".join(self._item(op, value, flags) for op, value in items)

    def _item(self, op: Any, value: Any, flags: int) -> str:
        if op is sre.LITERAL:
            return self._literal(value, flags)
        if op is sre.NOT_LITERAL:
            return f"[^{''.join(self._cases(value, flags))}]"
        if op is sre.ANY:
            return "[^]" if flags & re.DOTALL else r"[^\n]"
        if op is sre.IN:
            return self._class(value, flags)
        if op is sre.BRANCH:
            return f"(?:{'|'.join(self._sequence(each, flags) for each in value[1])})"
        if op is sre.SUBPATTERN:
            group, added, removed, inner = value
            return f"({'' if group else '?:'}{self._sequence(inner, (flags | added) & ~removed)})"
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            return self._repeat(value, flags) + ("?" if op is sre.MIN_REPEAT else "")
        if op in (sre.ASSERT, sre.ASSERT_NOT):
            direction, inner = value
            return f"(?{'<' if direction < 0 else ''}{'=' if op is sre.ASSERT else '!'}{self._sequence(inner, flags)})"
        if op is sre.AT:
            return self._position(value, flags)
        if op is sre.GROUPREF:
            return f"(?:\\{value})"
        if op is sre.CATEGORY:
            return self._class([(op, value)], flags)
        raise NotTranslatable(str(op))

    def _repeat(self, value: Any, flags: int) -> str:
        least, most, inner = value
        times = f"{{{least},{'' if most is sre.MAXREPEAT else most}}}"
        short = {"{0,}": "*", "{1,}": "+", "{0,1}": "?"}.get(times, times)
        is_one = len(inner) == 1 and inner[0][0] in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY)
        source = self._sequence(inner, flags)
        return f"{source}{short}" if is_one else f"(?:{source}){short}"

    def _position(self, where: Any, flags: int) -> str:
        if where is sre.AT_BEGINNING:
            return r"(?<![^\n])" if flags & re.MULTILINE else r"(?<![^])"
        if where is sre.AT_END:
            return r"(?![^\n])" if flags & re.MULTILINE else r"(?=\n?(?![^]))"
        return AT[where]

    def _literal(self, code: int, flags: int) -> str:
        cases = self._cases(code, flags)
        return cases[0] if len(cases) == 1 else f"[{''.join(cases)}]"

    def _cases(self, code: int, flags: int) -> list[str]:
        character = chr(code)
        if flags & re.IGNORECASE and character.lower() != character.upper():
            both = {character.lower(), character.upper()}
            return [_escaped(ord(each)) for each in sorted(both) if len(each) == 1]
        return [_escaped(code)]

    def _class(self, items: list[Any], flags: int) -> str:
        is_negated = items[0][0] is sre.NEGATE
        wide = [value for op, value in items if op is sre.RANGE and value[0] > 0x7F]
        parts = []
        if len(wide) > MANY_RANGES:
            probes = tuple(int(any(low <= code <= high for low, high in _ranges(items))) for code in PROBED)
            if probes not in PROBES:
                raise NotTranslatable("a class of letters without a name")
            parts.append(f"\\p{{{PROBES[probes]}}}")
            items = [(op, value) for op, value in items if not _is_wide(op, value)]
        for op, value in items:
            if op is sre.LITERAL:
                parts += self._cases(value, flags)
            elif op is sre.RANGE:
                parts += self._range(*value, flags)
            elif op is sre.CATEGORY:
                parts.append(CATEGORIES[value])
        return _class_of(parts, is_negated)

    def _range(self, low: int, high: int, flags: int) -> list[str]:
        ranges = [f"{_escaped(low)}-{_escaped(high)}"]
        if flags & re.IGNORECASE:
            for first, last, shift in ((0x41, 0x5A, 32), (0x61, 0x7A, -32)):
                start, end = max(low, first), min(high, last)
                if start <= end:
                    ranges.append(f"{_escaped(start + shift)}-{_escaped(end + shift)}")
        return ranges


def _class_of(parts: list[str], is_negated: bool) -> str:
    """A class of characters. JavaScript has no name for those that are in no word of any language."""
    others = "".join(part for part in parts if part is not NOT_WORD)
    if NOT_WORD not in parts:
        return f"[{'^' if is_negated else ''}{others}]"
    if is_negated:
        return f"(?:(?![{others}])[{WORD}])" if others else f"[{WORD}]"
    return f"(?:[^{WORD}]|[{others}])" if others else f"[^{WORD}]"


def _ranges(items: list[Any]) -> list[tuple[int, int]]:
    return [value if op is sre.RANGE else (value, value) for op, value in items if op in (sre.RANGE, sre.LITERAL)]


def _is_wide(op: Any, value: Any) -> bool:
    return (op is sre.RANGE and value[0] > 0x7F) or (op is sre.LITERAL and value > 0x7F)


def _escaped(code: int) -> str:
    character = chr(code)
    if character == "-":
        return r"\x2d"  # an escape within and outside of classes
    if character in r"^$\.*+?()[]{}|/":
        return f"\\{character}"
    if code < 0x20 or code == 0x7F or 0xD800 <= code <= 0xDFFF:
        return {0x0A: r"\n", 0x09: r"\t", 0x0D: r"\r"}.get(code, f"\\u{code:04x}")
    return character if code < 0x7F else f"\\u{{{code:x}}}"


class Table:
    """A lexer's rules: `states` of [expression, action, next state], by name, and `expressions`, each once."""

    def __init__(self, name: str):
        self._lexer = Json() if name == "json" else get_lexer_by_name(name)
        if not isinstance(self._lexer, RegexLexer):
            raise NotTranslatable("not a lexer of regular expressions")
        self._expressions: dict[str, int] = {}
        self.states = {
            state: [self._rule(*rule) for rule in rules] for state, rules in sorted(self._lexer._tokens.items())
        }

    def _rule(self, match: Any, action: Any, following: Any) -> list[Any]:
        if not hasattr(match, "__self__"):
            raise NotTranslatable("a word list that is matched by code")
        source = Expression(match.__self__).source
        rule = [self._expressions.setdefault(source, len(self._expressions)), self._action(action)]
        return rule if following is None else [*rule, list(following) if isinstance(following, tuple) else following]

    def _action(self, action: Any) -> Any:
        if action is None or isinstance(action, _TokenType):
            return action if action is None else css_class(action)
        cells = dict(zip(action.__code__.co_freevars, action.__closure__ or (), strict=True))
        if action.__qualname__.startswith("bygroups"):
            return [self._action(each) for each in cells["args"].cell_contents]
        if action.__qualname__.startswith("using"):
            other = cells["_other"].cell_contents if "_other" in cells else None
            name = "" if other is None else next((each for each in LANGUAGES if is_lexer(each, other)), None)
            if name is None or cells["kwargs"].cell_contents:
                raise NotTranslatable(f"using {other}")
            return {"using": name, "stack": list(cells["gt_kwargs"].cell_contents.get("stack", ["root"]))}
        raise NotTranslatable(action.__qualname__)

    def module(self) -> str:
        """The source of the table's module."""
        table = {"expressions": list(self._expressions), "states": self.states, "names": type_names(self._lexer)}
        others = sorted({each["using"] for each in _usings(self.states) if each["using"]})
        text = json.dumps({**table, "others": others}, separators=(",", ":"), ensure_ascii=True)
        return f"/* Made by deploy/lexers.py from Pygments. */\nexport default {text};\n"


def _usings(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict) and "using" in value:
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [found for each in inner for found in _usings(each)]


def is_lexer(name: str, other: type) -> bool:
    return type(get_lexer_by_name(name)) is other


def type_names(lexer: Any) -> list[Any]:
    """What a C-like lexer does after its rules: these names are types, [class before, class after, names]."""
    names = [getattr(lexer, each, ()) for each in ("stdlib_types", "c99_types", "c11_atomic_types", "linux_types")]
    return [css_class(Name), "kt", sorted(set().union(*names))] if any(names) else []


def css_class(kind: Any) -> str:
    return highlighting._css_class(kind)


def modules() -> dict[str, str]:
    """The source of each module, by its name: of each lexer, and of how they are loaded."""
    return {"languages": _languages()} | {name: Table(name).module() for name in LANGUAGES}


def _languages() -> str:
    entries = [
        f'  {json.dumps(name)}: {{ names: "{highlighting.LANGUAGES[name]}", load: () => import("./{name}.js") }},\n'
        for name in LANGUAGES
    ]
    what = "Lexers by their names in Pygments: what their languages are called in Markdown, and how they are loaded."
    return f"/* Made by deploy/lexers.py. {what} */\n\nexport default {{\n{''.join(entries)}}};\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, source in modules().items():
        (FOLDER / f"{name}.js").write_text(source)
