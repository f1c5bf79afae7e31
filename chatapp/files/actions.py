"""Store files, and hold them for what refers to them."""

import hashlib
import logging
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.files import File
from django.db import IntegrityError, transaction
from django.db.models import Sum
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
from chatapp.files.media_types import check_text, text_type_of
from chatapp.files.models import FileState, StoredFile
from chatapp.files.names import clean_name
from chatapp.files.storage import file_storage

logger = logging.getLogger(__name__)

UNUSED = timedelta(days=1)  # a file that no message refers to is kept so long after its upload
UNFINISHED = timedelta(hours=1)  # no upload takes longer: its process has been killed


def store(owner: AbstractBaseUser, upload: "File[bytes]", name: str) -> StoredFile:
    """Store the content of `upload` for `owner`, whole or not at all. The same content again is the same file (B69).

    1. A row reserves the room, so that uploads at the same time cannot exceed the quota together.
    2. The content is written.
    3. The row becomes that of a stored file, unless another upload of the same content was faster.

    A process that ends before 3 leaves a row that upkeep deletes, with what has been written.
    Raises FileEmpty, FileTooLarge, FileTypeUnsupported, FileQuotaExceeded or FileStorageFull.
    """
    name, size = clean_name(name), upload.size or 0
    check_size(size)
    check_text(upload.chunks())
    digest = _digest_of(upload)
    if known := _refresh(owner, digest, name):
        return known
    file = _reserve(owner, digest, size, text_type_of(name), name)
    try:
        _write(file, upload)
        return _finish(owner, file, name)
    except BaseException:
        erase([file.pk])
        raise


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
def _reserve(owner: AbstractBaseUser, digest: str, size: int, media_type: str, name: str) -> StoredFile:
    """A row for a content that is about to be written. Raises FileQuotaExceeded.

    The user's row is locked: of two uploads for which there is room for one, one is refused.
    """
    get_user_model().objects.select_for_update(no_key=True).get(pk=owner.pk)
    if 0 < settings.USER_MAX_FILE_BYTES < used_bytes(owner) + size:
        raise FileQuotaExceeded
    pk = uuid7()
    return StoredFile.objects.create(
        id=pk,
        owner_id=owner.pk,
        sha256=digest,
        size=size,
        media_type=media_type,
        name=name,
        place=f"{owner.pk}/{digest}-{pk.hex}",
        kept_until=Now() + UNFINISHED,
    )


def used_bytes(owner: AbstractBaseUser) -> int:
    """Bytes of a user's files, those included that are being written."""
    return StoredFile.objects.filter(owner_id=owner.pk).aggregate(bytes=Sum("size"))["bytes"] or 0


def _write(file: StoredFile, upload: "File[bytes]") -> None:
    upload.seek(0)
    try:
        place = file_storage().save(file.place, upload)
    except OSError as error:
        logger.error("file %s could not be written: %r", file.pk, error)
        raise FileStorageFull(repr(error)) from error
    assert place == file.place, "a place in the storage is never used twice"


def _finish(owner: AbstractBaseUser, file: StoredFile, name: str) -> StoredFile:
    try:
        with transaction.atomic():
            done = StoredFile.objects.filter(pk=file.pk, state=FileState.STORING)
            if not done.update(state=FileState.STORED, kept_until=Now() + UNUSED):
                raise FileStorageFull("upkeep has deleted the file: its upload took too long")
    except IntegrityError:  # the same content was uploaded at the same time
        erase([file.pk])
        if known := _refresh(owner, file.sha256, name):
            return known
        raise
    return StoredFile.objects.get(pk=file.pk)


def hold(owner_id: int, files: Collection[UUID]) -> None:
    """Keep files that something is about to refer to, in this transaction. Raises FileUnknown."""
    own = StoredFile.objects.filter(pk__in=files, owner_id=owner_id, state=FileState.STORED)
    if own.update(kept_until=None) != len(set(files)):
        raise FileUnknown
