"""Store files, and hold them for what refers to them."""

import hashlib
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.files import File
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.db.models import F, Sum
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from chatapp.files.deletion import erase
from chatapp.files.errors import (
    FileEmpty,
    FileQuotaExceeded,
    FileStorageFull,
    FileTooLarge,
    FileUnknown,
)
from chatapp.files.images.reencoding import is_image, reencode
from chatapp.files.media_types import check_text, text_type_of
from chatapp.files.models import FileState, StoredFile
from chatapp.files.names import clean_name, with_suffix
from chatapp.files.storage import file_storage

logger = logging.getLogger(__name__)

UNUSED = timedelta(days=1)  # a file that no message refers to is kept so long after its upload
HEAD_BYTES = 16  # of a content, which say what it is
SUFFIXES = {"image/jpeg": (".jpg", ".jpeg"), "image/png": (".png",)}
UNFINISHED = timedelta(hours=1)  # no upload takes longer: its process has been killed


def store(owner: AbstractBaseUser, upload: "File[bytes]", name: str) -> StoredFile:
    """Store the content of `upload` for `owner`, whole or not at all. The same content again is the same file (B69).

    1. What it is is found in the content. An image is written anew (B70).
    2. A row reserves the room, so that uploads at the same time cannot exceed the quota together.
    3. The content is written.
    4. The row becomes that of a stored file, unless another upload of the same content was faster.

    A process that ends before 4 leaves a row that upkeep deletes, with what has been written. It blocks while an image
    is written anew: call it neither in an event loop nor in a transaction. Raises the errors of `chatapp.files.errors`
    but FileInUse and FileUnknown.
    """
    name, size = clean_name(name), upload.size or 0
    check_size(size)
    content = _content_of(upload, name)
    if known := _refresh(owner, content.sha256, content.name):
        return known
    file = _reserve(owner, content)
    try:
        _write(file, content)
        return _finish(owner, file)
    except BaseException:
        erase([file.pk])
        raise


@dataclass(frozen=True)
class _Content:
    """What is stored of an upload."""

    file: "File[bytes]"
    name: str
    media_type: str
    sha256: str
    size: int  # bytes
    width: int | None = None  # px
    height: int | None = None  # px
    thumbnail: bytes = b""


def _content_of(upload: "File[bytes]", name: str) -> _Content:
    """What an upload is; images are written anew. Raises FileTypeUnsupported and the errors of images."""
    if not is_image(upload.read(HEAD_BYTES)):
        check_text(upload.chunks())
        return _Content(upload, name, text_type_of(name), _digest_of(upload), upload.size)
    upload.seek(0)
    image = reencode(upload.read())
    file = ContentFile(image.content)
    return _Content(
        file=file,
        name=with_suffix(name, SUFFIXES[image.media_type]),
        media_type=image.media_type,
        sha256=_digest_of(file),
        size=file.size,
        width=image.width,
        height=image.height,
        thumbnail=image.thumbnail,
    )


def check_size(size: int) -> None:
    """Raise FileEmpty or FileTooLarge."""
    if not size:
        raise FileEmpty
    if size > settings.FILE_MAX_BYTES:
        megabytes = settings.FILE_MAX_BYTES / 1_000_000
        raise FileTooLarge(message=f"The file is too large. The limit is {megabytes:g} MB.")


def _digest_of(upload: "File[bytes]") -> str:
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def _refresh(owner: AbstractBaseUser, digest: str, name: str) -> StoredFile | None:
    """The stored file with this content, kept as long as a new one; None if there is none."""
    same = StoredFile.objects.filter(owner_id=owner.pk, sha256=digest, state=FileState.STORED)
    if not same.update(name=name, kept_until=Now() + UNUSED):
        return None
    return same.first()


@transaction.atomic
def _reserve(owner: AbstractBaseUser, content: _Content) -> StoredFile:
    """A row for a content that is about to be written. Raises FileQuotaExceeded.

    The user's row is locked: of two uploads for which there is room for one, one is refused.
    """
    get_user_model().objects.select_for_update(no_key=True).get(pk=owner.pk)
    if 0 < settings.USER_MAX_FILE_BYTES < used_bytes(owner) + content.size + len(content.thumbnail):
        raise FileQuotaExceeded
    pk = uuid7()
    return StoredFile.objects.create(
        id=pk,
        owner_id=owner.pk,
        sha256=content.sha256,
        size=content.size,
        media_type=content.media_type,
        name=content.name,
        width=content.width,
        height=content.height,
        thumbnail_size=len(content.thumbnail),
        place=f"{owner.pk}/{content.sha256}-{pk.hex}",
        kept_until=Now() + UNFINISHED,
    )


def used_bytes(owner: AbstractBaseUser) -> int:
    """Bytes of a user's files, those included that are being written."""
    sizes = StoredFile.objects.filter(owner_id=owner.pk).aggregate(bytes=Sum(F("size") + F("thumbnail_size")))
    return sizes["bytes"] or 0


def _write(file: StoredFile, content: _Content) -> None:
    content.file.seek(0)
    try:
        places = [file_storage().save(file.place, content.file)]
        if content.thumbnail:
            places.append(file_storage().save(file.thumbnail_place, ContentFile(content.thumbnail)))
    except OSError as error:
        logger.error("file %s could not be written: %r", file.pk, error)
        raise FileStorageFull(repr(error)) from error
    assert set(places) <= {file.place, file.thumbnail_place}, "a place in the storage is never used twice"


def _finish(owner: AbstractBaseUser, file: StoredFile) -> StoredFile:
    try:
        with transaction.atomic():
            done = StoredFile.objects.filter(pk=file.pk, state=FileState.STORING)
            if not done.update(state=FileState.STORED, kept_until=Now() + UNUSED):
                raise FileStorageFull("upkeep has deleted the file: its upload took too long")
    except IntegrityError:  # the same content was uploaded at the same time
        erase([file.pk])
        if known := _refresh(owner, file.sha256, file.name):
            return known
        raise
    return StoredFile.objects.get(pk=file.pk)


def hold(owner_id: int, files: Collection[UUID]) -> None:
    """Keep files that something is about to refer to, in this transaction. Raises FileUnknown."""
    own = StoredFile.objects.filter(pk__in=files, owner_id=owner_id, state=FileState.STORED)
    if own.update(kept_until=None) != len(set(files)):
        raise FileUnknown
