"""Remove queries, fragments and tokens from URLs before they are logged or traced.

A query contains search terms, and in old links a one-time token. Only paths in SECRET_ROUTES hold secrets; a test
compares them with the URL map.
"""

import re
from urllib.parse import unquote

SECRET_ROUTES = ("shared/",)  # the rest of the path is a secret that gives access
HIDDEN = "[hidden]"

_WORD = re.compile(r"[^\s\"'<>]+")  # of a line; a word with a slash may be a URL, or contain one after a `=`
_TAIL = re.compile(r"([?#]).+", re.DOTALL)
_ROUTES = "|".join(route.rstrip("/") for route in SECRET_ROUTES)
# A decoded path may contain white space and quotes, which end a word of a line: the text after them is hidden, too.
_DECODED = re.compile(rf"(?<!/)(/++(?:{_ROUTES})/+)[\s\"'<>]*\S+?(?=[\"']?(?:\s|$))", re.IGNORECASE)
_SECRET = re.compile(rf"(?<!/)(/++(?:{_ROUTES})/+).+", re.IGNORECASE | re.DOTALL)  # each slash is examined once
_UNQUOTED = 3  # times; a path may be quoted repeatedly on its way


def redact(text: str) -> str:
    """Redact a path, a URL, or a log line with some of them."""
    return _WORD.sub(_redact_word, _DECODED.sub(rf"\1{HIDDEN}", text)) if "/" in text else text


def holds_secret(path: str) -> bool:
    """Whether the path holds a secret."""
    return bool(_SECRET.search(path))


def _redact_word(word: re.Match) -> str:
    return _redact_address(word[0]) if "/" in word[0] else word[0]


def _redact_address(address: str) -> str:
    """Handles quoted paths, too: servers unquote them before routing."""
    address = plain = _cut(address)
    for _ in range(_UNQUOTED):
        plain = unquote(plain)
        if (cut := _cut(plain)) != plain:
            return cut
    return address


def _cut(address: str) -> str:
    return _SECRET.sub(rf"\1{HIDDEN}", _TAIL.sub(rf"\1{HIDDEN}", address))
