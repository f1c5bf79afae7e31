"""Parse untrusted JSON, and refuse values that databases and code cannot handle.

All request bodies are parsed by `loads`. It refuses numbers beyond a double's range, nesting that would exhaust the
stack of recursive code, NUL (PostgreSQL) and lone surrogates (UTF-8).
"""

import json
from collections.abc import Iterator

import orjson

MAX_DEPTH = 100  # levels of arrays and objects; tools' schemas have some twenty
NUL, NUL_IN_JSON = "\0", b"\\u0000"

Path = tuple[str | int, ...]


class NotJson(ValueError):
    """The text is not JSON, or too deeply nested."""


class Unstorable(ValueError):
    """A string has a character that cannot be stored. `path` says where; the message is for users."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path

    @property
    def name(self) -> str:
        """The member of the outermost object that contains it; empty if it cannot be determined."""
        name = str(self.path[0]) if self.path else ""
        return name if name.isprintable() else ""


def loads(raw: bytes) -> object:
    """The value of a JSON text in UTF-8. Raises NotJson, Unstorable."""
    try:
        value = orjson.loads(raw)
    except ValueError as error:
        _raise_for_lone_surrogates(raw)
        raise NotJson(str(error)) from None
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _is_deep(value):
        raise NotJson("nested too deeply")
    if NUL_IN_JSON in raw:
        _refuse(value, lambda text: NUL in text, "Null characters are not allowed.")
    return value


def _raise_for_lone_surrogates(raw: bytes) -> None:
    """Raise Unstorable if parsing failed because of lone surrogates, so that senders can find and fix a cut emoji."""
    if b"\\u" in raw:
        try:
            value = json.loads(raw, parse_int=float)
        except (ValueError, RecursionError):
            return
        if not _is_deep(value):
            _refuse(value, _has_lone_surrogate, "Half a character (a lone surrogate) is not allowed.")


def _has_lone_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _refuse(value: object, is_forbidden, message: str) -> None:
    for path, text in _texts(value):
        if is_forbidden(text):
            raise Unstorable(message, path)


def _texts(value: object, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """All strings in a value, including names of members, with their paths. The value must not be deep."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield (*path, name), name
            yield from _texts(part, (*path, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _texts(part, (*path, index))


def _is_deep(value: object) -> bool:
    """Whether a value is nested deeper than MAX_DEPTH. Checked by level: recursion could exhaust the stack."""
    level = _inner([[value]])
    for _ in range(MAX_DEPTH):
        level = _inner(level)
    return bool(level)


def _inner(values: list) -> list:
    """The arrays and objects directly inside these."""
    parts = (part for value in values for part in (value.values() if isinstance(value, dict) else value))
    return [part for part in parts if isinstance(part, dict | list)]
