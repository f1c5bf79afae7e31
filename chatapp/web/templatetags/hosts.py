"""The host of an address: a title may say anything about where a link leads."""

from urllib.parse import urlsplit

from django import template

register = template.Library()


@register.filter
def host(url: str) -> str:
    """In ASCII, as browsers write it: letters of other alphabets may look like these."""
    name = urlsplit(url).hostname or ""
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name
