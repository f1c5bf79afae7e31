"""PDF: the text of each page."""

from collections.abc import Iterator
from typing import IO, Any

from pypdf import PdfReader

MEDIA_TYPE = "application/pdf"
UNREADABLE = "[The text of this page can't be read.]"


class Refused(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read(content: IO[bytes]) -> tuple[dict[str, Any], Iterator[tuple[str, str]]]:
    reader = PdfReader(content)
    if reader.is_encrypted and not reader.decrypt(""):  # many restrict only printing, with an empty password
        raise Refused("encrypted")
    if not len(reader.pages):
        raise ValueError("no pages")
    return {"media_type": MEDIA_TYPE, "has_parts": True}, _pages(reader)


def _pages(reader: PdfReader) -> Iterator[tuple[str, str]]:
    for number, page in enumerate(reader.pages, 1):
        try:
            text = page.extract_text()
        except MemoryError:
            raise
        except Exception:  # one damaged page does not cost the others
            text = UNREADABLE
        yield f"Page {number}", text
