"""Files of text that are sent with a message: they become part of it, each in a fence under its name.

The limit is that of a message: what a model is to read has to fit into what it is asked.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpRequest

from runs.errors import AttachmentUnreadable, PromptTooLong

NAME_CHARACTERS = 100
HEADING = "File: "
FENCE = re.compile(r"`{3,}")
BYTES_A_CHARACTER = 4  # at most, in UTF-8


class BoundedUpload(MemoryFileUploadHandler):
    """Keeps uploads in memory, and refuses more than any message could hold before it has read it."""

    def handle_raw_input(self, *args, **kwargs) -> None:
        self.activated = True
        self._bytes_left = settings.PROMPT_MAX_CHARACTERS * BYTES_A_CHARACTER

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._bytes_left -= len(raw_data)
        if self._bytes_left < 0:
            raise RequestDataTooBig("The attached files are larger than any message may be.")
        super().receive_data_chunk(raw_data, start)


@dataclass(frozen=True)
class Attachment:
    name: str
    text: str

    def as_text(self) -> str:
        marks = max(map(len, FENCE.findall(self.text)), default=2) + 1
        fence = "`" * max(3, marks)
        body = self.text if self.text.endswith("\n") else f"{self.text}\n"
        return f"{HEADING}{self.name}\n{fence}\n{body}{fence}"


def attached(request: HttpRequest) -> list[Attachment]:
    """The files that were posted. Raises AttachmentUnreadable, PromptTooLong."""
    return [_read(file) for file in request.FILES.getlist("files")]


def _read(file) -> Attachment:
    try:
        text = file.read().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise AttachmentUnreadable from None
    if "\0" in text:
        raise AttachmentUnreadable
    if len(text) > settings.PROMPT_MAX_CHARACTERS:
        raise PromptTooLong
    name = " ".join(re.sub(r"[\x00-\x1f\x7f`]", " ", file.name or "").split())
    return Attachment(name[:NAME_CHARACTERS] or "file", text)


def with_attachments(text: str, attachments: list[Attachment]) -> str:
    return "\n\n".join([*([text] if text.strip() else []), *(each.as_text() for each in attachments)])


def taken_apart(content: str) -> tuple[str, list[Attachment]]:
    """A message's own words, and the files at its end: the reverse of `with_attachments`."""
    lines = content.split("\n")
    fences: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        if FENCE.fullmatch(line):
            fences[line].append(number)
    for start, line in enumerate(lines):
        if line.startswith(HEADING) and (start == 0 or not lines[start - 1]):
            found = _files(lines, start, fences)
            if found:
                return "\n".join(lines[: max(start - 1, 0)]), found
    return content, []


def _files(lines: list[str], start: int, fences: dict[str, list[int]]) -> list[Attachment]:
    """The files in `lines` from `start` on; none if there is anything else between or behind them."""
    found = []
    while start < len(lines):
        name, fence = lines[start], lines[start + 1] if start + 1 < len(lines) else ""
        later = fences.get(fence, ())
        place = bisect_right(later, start + 1)
        if not name.startswith(HEADING) or place == len(later):
            return []
        end = later[place]
        found.append(Attachment(name.removeprefix(HEADING), "\n".join(lines[start + 2 : end])))
        if end + 1 < len(lines) and lines[end + 1]:
            return []
        start = end + 2
    return found
