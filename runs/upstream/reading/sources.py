"""The web pages that an answer is based on, as servers with a search name them: what [1] in a text leads to."""

from typing import Any
from urllib.parse import urlsplit

from runs.upstream.storable_text import storable

MAX_SOURCES = 50  # of an answer
MAX_URL_CHARACTERS = 2_000
MAX_TITLE_CHARACTERS = 300

FIELDS = (  # of a chunk, a choice or a delta; the first gives the order
    "citations",
    "search_results",
    "sources",
    "references",
    "web_search",
    "search_info",
    "grounding_metadata",
    "executed_tools",
    "context",
)
PLACES = frozenset((*FIELDS, "annotations"))
WITHIN = ("citations", "search_results", "results", "groundingChunks", "grounding_chunks")  # of an object in a field


def sources_in(place: dict[str, Any]) -> list[dict[str, str]]:
    """[{"url", "title"}] of a chunk, a message or a delta: of its lists of links, or of its annotations."""
    lists = [found for name in FIELDS if (found := _links(place.get(name)))]
    if annotations := place.get("annotations"):
        lists.append(_links(annotations))
    if not lists:
        return []
    titles = {link["url"]: link["title"] for links in lists for link in links if link["title"]}
    return [link | {"title": titles.get(link["url"], "")} for link in lists[0]][:MAX_SOURCES]


def merge(before: list[dict[str, str]], more: list[dict[str, str]]) -> list[dict[str, str]]:
    """All of both, each address once: some servers send all with each chunk, others only what is new."""
    known = {link["url"] for link in before}
    return [*before, *(link for link in more if link["url"] not in known)][:MAX_SOURCES]


def _links(value: object) -> list[dict[str, str]]:
    if isinstance(value, dict):
        value = next((inner for name in WITHIN if isinstance(inner := value.get(name), list)), None)
    if not isinstance(value, list):
        return []
    if any(isinstance(item, dict) and isinstance(item.get("search_results"), dict) for item in value[:MAX_SOURCES]):
        return [link for item in value[:MAX_SOURCES] for link in _links(item.get("search_results"))][:MAX_SOURCES]
    return [link for item in value[:MAX_SOURCES] if (link := _link(item)) is not None]


def _link(item: object) -> dict[str, str] | None:
    """From an address, or from an object that has one. Only addresses of the web: they become links."""
    fields = item if isinstance(item, dict) else {"url": item}
    if isinstance(inner := fields.get("url_citation") or fields.get("web"), dict):
        fields = inner
    url, title = fields.get("url") or fields.get("link") or fields.get("uri"), fields.get("title")
    if not isinstance(url, str) or len(url) > MAX_URL_CHARACTERS or not _is_web_address(url):
        return None
    return {"url": storable(url), "title": storable(title[:MAX_TITLE_CHARACTERS]) if isinstance(title, str) else ""}


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
