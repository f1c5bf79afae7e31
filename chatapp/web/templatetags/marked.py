"""The words of a search, marked in HTML."""

import re

from django import template
from django.utils.safestring import SafeString, mark_safe

from chatapp.chats.search import INDEXED_CHARACTERS, pattern

register = template.Library()

MOST_CHARACTERS = 2 * INDEXED_CHARACTERS  # of HTML: 0.5 µs each, while a page loads
_MARKUP = re.compile(r'(<(?:[^>"]|"[^"]*")*>|&[^;\s]*;)')


@register.filter
def marked(html: str, words: list[str]) -> SafeString:
    """Safe HTML with `<mark>` around the words: in its text, not in its tags and entities."""
    if not words or len(html) > MOST_CHARACTERS:
        return mark_safe(html)
    wanted, pieces = pattern(words), _MARKUP.split(html)
    pieces[::2] = [wanted.sub(r"<mark>\1</mark>", text) for text in pieces[::2]]
    return mark_safe("".join(pieces))


@register.filter
def has_any(text: str, words: list[str]) -> bool:
    """Whether a text has one of the words."""
    return bool(words) and pattern(words).search(text, 0, INDEXED_CHARACTERS) is not None
