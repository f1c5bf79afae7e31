"""What of a file's text goes with a message: all of it, the pages that its sender chose, or what fits from its start.

What is left out is said, to the model in the text and to the sender in a note.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from chatapp.files.errors import PagesInvalid
from chatapp.files.models import StoredFile
from chatapp.files.storage import file_storage

FORM_FEED = "\f"  # between the parts of a document
PAGES = re.compile(r"(\d{1,6})(?:(-)(\d{1,6})?)?", re.ASCII)
DASH = re.compile(r"\s*[-–]\s*")
PAGES_CHARACTERS = 100  # of what a sender chooses
ENCODING_NAMES = {
    "cp932": "Shift-JIS", "shift_jis": "Shift-JIS", "euc_jp": "EUC-JP", "iso2022_jp": "ISO-2022-JP", "euc_kr": "EUC-KR",
    "cp949": "EUC-KR", "big5": "Big5", "gb18030": "GB18030", "koi8_r": "KOI8-R", "iso8859_2": "ISO-8859-2",
    "utf-16": "UTF-16", "utf-32": "UTF-32", "cp874": "Windows-874", "mac_roman": "Mac Roman",
}  # fmt: skip
UNITS = {
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "slide",
}


class Excerpt(NamedTuple):
    text: str
    note: str  # for the sender: how it was read, and what of it; empty: as it is, and all


def text_of(file: StoredFile) -> str:
    """The whole text of a file that is no image: with LF line ends, without byte order mark."""
    with file_storage().open(file.text_place if file.text_size else file.place) as content:
        text: str = content.read().decode("utf-8-sig")
    return text.replace("\r\n", "\n")


def excerpt_of(file: StoredFile, most_characters: int | None = None, pages: str = "") -> Excerpt:
    """What goes with a message. `pages`: those that the sender chose, such as "1-5, 8"; empty: from the start.

    Raises PagesInvalid.
    """
    text = text_of(file)
    most = len(text) * 2 if most_characters is None else most_characters
    excerpt = _pages(text.split(FORM_FEED), unit_of(file), most, pages) if file.parts else _start(text, most)
    return Excerpt(excerpt.text, "; ".join(filter(None, [encoding_note(file), excerpt.note])))


def unit_of(file: StoredFile) -> str:
    """What its parts are."""
    return UNITS.get(file.media_type, "page")


def encoding_note(file: StoredFile) -> str:
    """How a text was read, with the encoding as people know it; empty: in UTF-8, or it is none."""
    name = ENCODING_NAMES.get(file.encoding) or file.encoding.replace("cp12", "Windows-12")
    return f"read as {name}" if name else ""


def _start(text: str, most: int) -> Excerpt:
    if len(text) <= most:
        return Excerpt(text, "")
    note = f"the first {most:,} of {len(text):,} characters"
    head = f"[This is only a part: {note}. The rest was left out because it is too long.]"
    return Excerpt(f"{head}\n\n{text[:most]}\n\n[Here the rest was left out.]", note)


def _pages(parts: Sequence[str], unit: str, most: int, pages: str) -> Excerpt:
    chosen = _chosen(pages, len(parts)) if pages.strip() else list(range(len(parts)))
    fitting, left = [], most
    for index in chosen:
        left -= len(parts[index]) + 2
        if left < 0:
            break
        fitting.append(index)
    texts = [parts[index] for index in fitting]
    if not fitting:
        fitting, texts = chosen[:1], [parts[chosen[0]][:most] + f"\n[The rest of this {unit} was left out.]"]
    if len(fitting) == len(parts) and left >= 0:
        return Excerpt("\n\n".join(texts), "")
    note = f"{unit}{'s' * (len(fitting) > 1)} {_ranges(fitting)} of {len(parts):,}"
    reason = "because it is too long" if len(fitting) < len(chosen) or left < 0 else "by the sender"
    return Excerpt(f"[This is only a part: {note}. The rest was left out {reason}.]\n\n" + "\n\n".join(texts), note)


def _chosen(pages: str, count: int) -> list[int]:
    """The indexes of the pages, in order. Raises PagesInvalid."""
    chosen: set[int] = set()
    for piece in filter(None, re.split(r"[,;\s]+", DASH.sub("-", pages))):
        match = PAGES.fullmatch(piece)
        if match is None:
            raise PagesInvalid
        first = int(match[1])
        last = int(match[3]) if match[3] else count if match[2] else first
        if not 1 <= first <= last or first > count:
            raise PagesInvalid(message=f"There are {count:,} pages. Write those to read like this: 1-5, 8.")
        chosen.update(range(first - 1, min(last, count)))
    return sorted(chosen)


def _ranges(indexes: Sequence[int]) -> str:
    """Such as "1–5, 8"."""
    ranges: list[list[int]] = []
    for index in indexes:
        if ranges and ranges[-1][1] == index - 1:
            ranges[-1][1] = index
        else:
            ranges.append([index, index])
    return ", ".join(f"{first + 1:,}" + (f"–{last + 1:,}" if last > first else "") for first, last in ranges)
