"""Uploaded text files: decoded, named and typed, to be attached to a message.

Text and files of a message share one limit, since the model reads both.
"""

import re

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from chatapp.chats.models import Attachment
from chatapp.files.media_types import KNOWN_TYPES
from chatapp.files.names import clean_name
from runs.errors import AttachmentUnreadable
from runs.limits import check_file_count, check_length, check_text_size

TYPE_CHARACTERS = Attachment._meta.get_field("media_type").max_length
# Not audio, video or font: browsers call ".ts" (TypeScript) a video. application/octet-stream is no information.
MEDIA_TYPE = re.compile(
    r"(?!audio/|video/|font/|application/octet-stream$)[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*"
)


def uploaded_attachments(request: HttpRequest) -> list[Attachment]:
    """The uploaded files, unsaved. Raises AttachmentUnreadable, PromptTooLong, TooManyAttachments."""
    files = request.FILES.getlist("files")
    check_file_count(files)
    return [_read(file) for file in files]


def _read(file: UploadedFile) -> Attachment:
    check_text_size(file.size)
    try:
        text = file.read().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise AttachmentUnreadable from None
    if "\0" in text:
        raise AttachmentUnreadable
    check_length(text)
    name = clean_name(file.name or "")
    return Attachment(name=name, media_type=media_type_of(name, file.content_type or ""), size=file.size, text=text)


def media_type_of(name: str, claimed: str) -> str:
    """The browser's media type if a text can have it, else one guessed from the name, else text/plain."""
    for media_type in (claimed.strip().lower(), KNOWN_TYPES.guess_type(f"file:{name}")[0] or ""):
        if len(media_type) <= TYPE_CHARACTERS and MEDIA_TYPE.fullmatch(media_type):
            return media_type
    return "text/plain"
