"""Uploaded files, to be attached to a message: texts in UTF-8 are named and typed, everything else is stored.

Text and files of a message share one limit, since the model reads both.
"""

import re
from collections.abc import Iterator

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from chatapp.chats.models import Attachment
from chatapp.files.actions import HEAD_BYTES, store
from chatapp.files.documents.reading import document_kind
from chatapp.files.errors import FileRefused
from chatapp.files.images.reencoding import is_image
from chatapp.files.media_types import KNOWN_TYPES, is_utf8
from chatapp.files.names import clean_name
from runs.errors import RunError
from runs.limits import check_file_count, check_length, check_text_size
from runs.message_files import attachment_of

TYPE_CHARACTERS = Attachment._meta.get_field("media_type").max_length
# Not audio, video or font: browsers call ".ts" (TypeScript) a video. application/octet-stream is no information.
MEDIA_TYPE = re.compile(
    r"(?!audio/|video/|font/|application/octet-stream$)[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*"
)


def uploaded_attachments(request: HttpRequest) -> tuple[list[Attachment], RunError | FileRefused | None]:
    """The uploaded files, unsaved, and why the first one of the others cannot be sent, if there are any.

    Images and documents are stored, those of who has not logged in left out. The lines of `alts` say what images show.
    It blocks while images are written anew and documents are read: do not call it in a transaction.
    """
    files = request.FILES.getlist("files")
    attachments: list[Attachment] = []
    alts = iter(request.POST.get("alts", "").splitlines())
    failure: RunError | FileRefused | None = None
    try:
        check_file_count(files)
    except RunError as error:
        return attachments, error
    for file in files:
        try:
            attachments += _attachments_of(request, file, alts)
        except (RunError, FileRefused) as error:
            failure = failure or error
    return attachments, failure


def _attachments_of(request: HttpRequest, file: UploadedFile, alts: Iterator[str]) -> list[Attachment]:
    """One, or none of who has not logged in. Raises PromptTooLong and FileRefused."""
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not is_image(head) and not document_kind(head, file.name or "") and (text := _text_of(file)) is not None:
        return [text]
    alt = next(alts, "") if is_image(head) else ""
    if not request.user.is_authenticated:
        return []
    return [attachment_of(store(request.user, file, file.name or ""), alt=alt)]


def _text_of(file: UploadedFile) -> Attachment | None:
    """A text in UTF-8; None if it is anything else."""
    if not is_utf8(file.chunks()):
        return None
    check_text_size(file.size)
    file.seek(0)
    text = file.read().decode("utf-8-sig").replace("\r\n", "\n")
    check_length(text)
    name = clean_name(file.name or "")
    return Attachment(name=name, media_type=media_type_of(name, file.content_type or ""), size=file.size, text=text)


def media_type_of(name: str, claimed: str) -> str:
    """The browser's media type if a text can have it, else one guessed from the name, else text/plain."""
    for media_type in (claimed.strip().lower(), KNOWN_TYPES.guess_type(f"file:{name}")[0] or ""):
        if len(media_type) <= TYPE_CHARACTERS and MEDIA_TYPE.fullmatch(media_type):
            return media_type
    return "text/plain"
