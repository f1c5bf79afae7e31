"""Uploaded text files: decoded, named and typed, to be attached to a message.

Text and files of a message share one limit, since the model reads both.
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
KNOWN_TYPES = MimeTypes()  # Python's own table: the system's differs between machines
KNOWN_TYPES.add_type("text/markdown", ".md")
# Not audio, video or font: browsers call ".ts" (TypeScript) a video. application/octet-stream is no information.
MEDIA_TYPE = re.compile(
    r"(?!audio/|video/|font/|application/octet-stream$)[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*"
)
BYTES_A_CHARACTER = 4  # at most, in UTF-8


class BoundedUpload(MemoryFileUploadHandler):
    """Keep uploads in memory, and stop reading as soon as they exceed what any message may hold."""

    def handle_raw_input(self, *args: object, **kwargs: object) -> None:
        self.activated = True
        self._bytes_left = settings.PROMPT_MAX_CHARACTERS * BYTES_A_CHARACTER

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._bytes_left -= len(raw_data)
        if self._bytes_left < 0:
            raise RequestDataTooBig("The attached files are too large for one message. Attach fewer or smaller ones.")
        super().receive_data_chunk(raw_data, start)


def uploaded_attachments(request: HttpRequest) -> list[Attachment]:
    """The uploaded files, unsaved. Raises AttachmentUnreadable, PromptTooLong, TooManyAttachments."""
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
    """A one-line name without invisible or bidirectional control characters, and without the backticks of a fence."""
    printable = "".join(character if character.isprintable() and character != "`" else " " for character in name)
    return " ".join(printable.split())[:NAME_CHARACTERS].strip() or "file"


def media_type_of(name: str, claimed: str) -> str:
    """The browser's media type if a text can have it, else one guessed from the name, else text/plain."""
    for media_type in (claimed.strip().lower(), KNOWN_TYPES.guess_type(f"file:{name}")[0] or ""):
        if len(media_type) <= TYPE_CHARACTERS and MEDIA_TYPE.fullmatch(media_type):
            return media_type
    return "text/plain"
