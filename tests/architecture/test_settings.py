"""docs/settings.md lists exactly the settings that exist, with their defaults."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SETTINGS = sorted((ROOT / "chatapp" / "settings").glob("*.py"))
ROW = re.compile(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`)?([^|]*)\|", re.MULTILINE)
COMPUTED = object()  # a default that is not written down as a value


def defaults_in_the_code() -> dict[str, object]:
    """Each variable that settings read with `env.kind("NAME", default=…)`."""
    defaults = {}
    for path in SETTINGS:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="env")),
                    args=[ast.Constant(value=str(name))],
                    keywords=[ast.keyword(arg="default", value=value)],
                ):
                    defaults[name] = value_of(value)
    return defaults


def value_of(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return COMPUTED


def as_a_variable(value: object) -> str:
    """A default as it is written in the environment."""
    if isinstance(value, bool):
        return str(int(value))
    return "" if value == [] else f"{value:g}" if isinstance(value, float) else str(value)


def settings_from_the_environment() -> set[str]:
    return set(defaults_in_the_code())


def documented() -> dict[str, tuple[str, str]]:
    """The variables of docs/settings.md: the default as a value, and in words."""
    rows = ROW.findall((ROOT / "docs" / "settings.md").read_text())
    return {name: (value, words.strip()) for name, value, words in rows}


def test_the_page_documents_exactly_the_settings_that_exist():
    rows = set(documented())
    assert settings_from_the_environment() - rows == set(), "add a row to docs/settings.md for each of these"
    assert rows - settings_from_the_environment() == set(), "docs/settings.md has rows of settings that are gone"


def test_the_page_tells_each_default_as_it_is():
    told = {name: value for name, (value, words) in documented().items() if not words}
    values = {name: as_a_variable(value) for name, value in defaults_in_the_code().items() if value is not COMPUTED}
    wrong = {name: (told[name], values[name]) for name in told.keys() & values.keys() if told[name] != values[name]}
    assert wrong == {}, "docs/settings.md has another default (first) than the code (second)"
