"""Files of text as a form uploads them: read, named and typed before they may go with a message.

The limit is that of a message: what a model is to read has to fit into what it is asked.
"""

import re
from mimetypes import MimeTypes

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpRequest

from chatapp.chats.models import Attachment
from runs.errors import AttachmentUnreadable
from runs.limits import check_file_count, check_length

NAME_CHARACTERS = Attachment._meta.get_field("name").max_length
TYPE_CHARACTERS = Attachment._meta.get_field("media_type").max_length
KNOWN_TYPES = MimeTypes()  # Python's own table: the machine's would differ from one to the next
KNOWN_TYPES.add_type("text/markdown", ".md")
# No sound, no picture that moves, no font: ".ts" is TypeScript here, and "some bytes" is no type of a text.
MEDIA_TYPE = re.compile(
    r"(?!audio/|video/|font/|application/octet-stream$)[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*"
)
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


def attached(request: HttpRequest) -> list[Attachment]:
    """The files that were posted, not yet stored. Raises AttachmentUnreadable, PromptTooLong, TooManyAttachments."""
    files = request.FILES.getlist("files")
    check_file_count(files)
    return [_read(file) for file in files]


def _read(file: UploadedFile) -> Attachment:
    try:
        text = file.read().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise AttachmentUnreadable from None
    if "\0" in text:
        raise AttachmentUnreadable
    check_length(text)
    name = clean_name(file.name or "")
    return Attachment(name=name, media_type=media_type_of(name, file.content_type or ""), size=file.size, text=text)


def clean_name(name: str) -> str:
    """A name of one line, without characters that turn or hide what it says, and without a fence's."""
    printable = "".join(character if character.isprintable() and character != "`" else " " for character in name)
    return " ".join(printable.split())[:NAME_CHARACTERS].strip() or "file"


def media_type_of(name: str, claimed: str) -> str:
    """What the browser calls it if that can be a text's, else what its name says, else plain text."""
    for media_type in (claimed.strip().lower(), KNOWN_TYPES.guess_type(f"file:{name}")[0] or ""):
        if len(media_type) <= TYPE_CHARACTERS and MEDIA_TYPE.fullmatch(media_type):
            return media_type
    return "text/plain"
