"""Stored files that go with a message: what of each is attached."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser

from chatapp.chats.models import Attachment
from chatapp.files.errors import FileUnknown, ImagesNotSeen
from chatapp.files.models import StoredFile
from chatapp.files.names import clean_name
from chatapp.files.storage import file_storage
from runs.limits import check_file_count, check_length, check_text_size
from runs.models import Model

ALT_CHARACTERS = 500
NAMED_MODELS = 5  # in the advice for an image that a model cannot see


def attachments_of(user: AbstractBaseUser, ids: Sequence[UUID]) -> list[Attachment]:
    """Unsaved attachments of the user's files with these ids. Raises FileUnknown, TooManyAttachments, PromptTooLong."""
    check_file_count(ids)
    files = StoredFile.objects.visible_to(user).in_bulk(ids)
    if len(files) != len(set(ids)):
        raise FileUnknown
    return [attachment_of(files[pk]) for pk in ids]


def attachment_of(file: StoredFile, name: str = "", alt: str = "", limit: int | None = None) -> Attachment:
    """An unsaved attachment of a stored file, by default under its own name; `alt`: what an image shows.

    `limit`: of the characters of its text, by default that of people.

    Raises PromptTooLong.
    """
    text = "" if file.is_image else _text_of(file, limit)
    alt = clean_name(alt, ALT_CHARACTERS) if alt.strip() else ""
    name, media_type = name or file.name, file.media_type
    return Attachment(name=name, media_type=media_type, size=file.size, text=text, alt=alt, file=file)


def check_images(files: Iterable[Attachment], model: Model, owner: AbstractBaseUser) -> None:
    """Raise ImagesNotSeen, which names models that can, if there is an image among the files and `model` cannot see."""
    if model.has_vision or not any(file.is_image for file in files):
        return
    seeing = list(Model.objects.usable_by(owner).filter(has_vision=True).values_list("label", flat=True)[:NAMED_MODELS])
    advice = f"These can: {', '.join(seeing)}." if seeing else "No model of this site can."
    raise ImagesNotSeen(message=f"{model.label} can't see images. {advice}")


def _text_of(file: StoredFile, limit: int | None) -> str:
    """What the model reads: LF line ends, no byte order mark."""
    check_text_size(file.size, limit)
    with file_storage().open(file.place) as content:
        text: str = content.read().decode("utf-8-sig").replace("\r\n", "\n")
    check_length(text, limit)
    return text
