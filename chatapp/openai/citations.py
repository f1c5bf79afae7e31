"""The web pages that an answer names, as both protocols cite them: annotations of its text."""

from typing import NamedTuple


class Citation(NamedTuple):
    """`start` and `end`: where the text refers to it, as `[1]`; both are its end if it does not."""

    url: str
    title: str
    start: int
    end: int

    @property
    def members(self) -> dict:
        return {"url": self.url, "title": self.title, "start_index": self.start, "end_index": self.end}

    def of_response(self) -> dict:
        return {"type": "url_citation", **self.members}

    def of_chat(self) -> dict:
        return {"type": "url_citation", "url_citation": self.members}


def citations_in(text: str, sources: list[dict]) -> list[Citation]:
    """One for each source, in their order."""
    return [_citation(text, f"[{number}]", source) for number, source in enumerate(sources, start=1)]


def _citation(text: str, mark: str, source: dict) -> Citation:
    start = text.find(mark)
    place = (start, start + len(mark)) if start >= 0 else (len(text), len(text))
    return Citation(source["url"], source["title"] or source["url"], *place)
