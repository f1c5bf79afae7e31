"""Stored files that go with a message: what of each is attached; and images of answers, which become files."""

import logging
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.base import ContentFile
from django.db import transaction

from chatapp.chats.models import Attachment, Message
from chatapp.files.actions import HEAD_BYTES, hold, store
from chatapp.files.data_uris import content_of
from chatapp.files.documents.excerpts import Excerpt, excerpt_of
from chatapp.files.errors import FileRefused, FileUnknown, ImageInvalid, ImagesNotSeen
from chatapp.files.images.reencoding import is_image
from chatapp.files.models import StoredFile
from chatapp.files.names import clean_name
from runs.limits import check_file_count, check_length, check_text_size
from runs.models import Model, Run

logger = logging.getLogger(__name__)

ALT_CHARACTERS = 500
DOCUMENT_SHARE = 0.8  # of the characters of a message, at most for one document: words and a second file go with it
NAMED_MODELS = 5  # in the advice for an image that a model cannot see


def attachments_of(user: AbstractBaseUser, ids: Sequence[UUID]) -> list[Attachment]:
    """Unsaved attachments of the user's files with these ids. Raises FileUnknown, TooManyAttachments, PromptTooLong."""
    check_file_count(ids)
    files = StoredFile.objects.visible_to(user).in_bulk(ids)
    if len(files) != len(set(ids)):
        raise FileUnknown
    return [attachment_of(files[pk]) for pk in ids]


def attachment_of(
    file: StoredFile, name: str = "", alt: str = "", limit: int | None = None, pages: str = ""
) -> Attachment:
    """An unsaved attachment of a stored file, by default under its own name; `alt`: what an image shows.

    `limit`: of the characters of a message, by default that of people. `pages`: those of a document that go with the
    message; as many as fit from its start if none are named.

    Raises PromptTooLong, PagesInvalid.
    """
    excerpt = Excerpt("", "") if file.is_image else excerpt_for_message(file, pages, limit)
    alt = clean_name(alt, ALT_CHARACTERS) if alt.strip() else ""
    attachment = Attachment(
        name=name or file.name,
        media_type=file.media_type,
        size=file.size,
        text=excerpt.text,
        note=excerpt.note,
        alt=alt,
        file=file,
    )
    attachment.pages = pages
    return attachment


def excerpt_for_message(file: StoredFile, pages: str = "", limit: int | None = None) -> Excerpt:
    """What goes with a message of a file that is no image. Raises PromptTooLong, PagesInvalid.

    A document that is too long is cut; text that is sent as it is must fit.
    """
    limit = settings.PROMPT_MAX_CHARACTERS if limit is None else limit
    if file.is_document:
        return excerpt_of(file, int(limit * DOCUMENT_SHARE), pages)
    check_text_size(file.text_size or file.size, limit)
    excerpt = excerpt_of(file)
    check_length(excerpt.text, limit)
    return excerpt


def check_images(files: Iterable[Attachment], model: Model, owner: AbstractBaseUser) -> None:
    """Raise ImagesNotSeen, which names models that can, if there is an image among the files and `model` cannot see."""
    if model.has_vision or not any(file.is_image for file in files):
        return
    seeing = list(
        Model.objects.for_chats_of(owner).filter(has_vision=True).values_list("label", flat=True)[:NAMED_MODELS]
    )
    advice = f"These can: {', '.join(seeing)}." if seeing else "No model of this site can."
    raise ImagesNotSeen(message=f"{model.label} can't see images. {advice}")


def keep_images(run_id: UUID, images: Iterable[str]) -> int:
    """Attach the images of a run's answer, data URIs or base64, to its message. Returns how many could be stored.

    They are files of the session's owner, written anew like any other. It blocks while they are.
    """
    run = Run.objects.select_related("session__owner").get(pk=run_id)
    count = 0
    for number, image in enumerate(images, start=1):
        try:
            _attach_image(run, _image_file(run.session.owner, image, f"image-{number}"))
            count += 1
        except (FileRefused, ValueError) as error:
            logger.warning("an image of run %s was refused: %s", run_id, getattr(error, "code", "no base64"))
    return count


def _image_file(owner: AbstractBaseUser, image: str, name: str) -> StoredFile:
    """Raises FileRefused, or ValueError."""
    content = content_of(image)
    if not is_image(content[:HEAD_BYTES]):
        raise ImageInvalid
    return store(owner, ContentFile(content), name)


@transaction.atomic
def _attach_image(run: Run, file: StoredFile) -> None:
    """Nothing if the message has been deleted meanwhile. Raises FileUnknown."""
    message = Message.objects.select_for_update(no_key=True).filter(pk=run.message_id).first()
    if message is None:
        return
    hold(run.session.owner_id, [file.pk])
    attachment = attachment_of(file)
    attachment.message, attachment.position = message, message.attachments.count()
    attachment.save()
