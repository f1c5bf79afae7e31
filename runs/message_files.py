"""Stored files that go with a message: what of each is attached."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser

from chatapp.chats.models import Attachment
from chatapp.files.errors import FileUnknown
from chatapp.files.models import StoredFile
from chatapp.files.storage import file_storage
from runs.limits import check_file_count, check_length, check_text_size


def attachments_of(user: AbstractBaseUser, ids: Sequence[UUID]) -> list[Attachment]:
    """Unsaved attachments of the user's files with these ids. Raises FileUnknown, TooManyAttachments, PromptTooLong."""
    check_file_count(ids)
    files = StoredFile.objects.visible_to(user).in_bulk(ids)
    if len(files) != len(set(ids)):
        raise FileUnknown
    return [attachment_of(files[pk]) for pk in ids]


def attachment_of(file: StoredFile, name: str = "") -> Attachment:
    """An unsaved attachment of a stored file, by default under its own name. Raises PromptTooLong."""
    return Attachment(
        name=name or file.name, media_type=file.media_type, size=file.size, text=_text_of(file), file=file
    )


def _text_of(file: StoredFile) -> str:
    """What the model reads: LF line ends, no byte order mark."""
    check_text_size(file.size)
    with file_storage().open(file.place) as content:
        text: str = content.read().decode("utf-8-sig").replace("\r\n", "\n")
    check_length(text)
    return text
