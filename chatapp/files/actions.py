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
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Sum
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from chatapp.files.deletion import erase
from chatapp.files.documents.reading import document_kind, read_document
from chatapp.files.errors import (
    FileEmpty,
    FileQuotaExceeded,
    FileStorageFull,
    FileTooLarge,
    FileUnknown,
)
from chatapp.files.images.reencoding import is_image, reencode
from chatapp.files.media_types import is_utf8, text_type_of
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

    1. What it is is found in the content. An image is written anew, a document is read (B70).
    2. A row reserves the room, so that uploads at the same time cannot exceed the quota together.
    3. The content is written.
    4. The row becomes that of a stored file, unless another upload of the same content was faster.

    A process that ends before 4 leaves a row that upkeep deletes, with what has been written. It blocks while an image
    is written anew or a document is read: call it neither in an event loop nor in a transaction. Raises the errors of
    `chatapp.files.errors` but FileInUse, FileUnknown and PagesInvalid.
    """
    name, size = clean_name(name), upload.size or 0
    check_size(size)
    content = _content_of(upload, name)
    if known := _refresh(owner, content.sha256, content.name):
        return known
    return _store(owner, content, settings.USER_MAX_FILE_BYTES)


def store_moved_text(owner: AbstractBaseUser, text: str, name: str) -> StoredFile:
    """Store a text that was stored elsewhere, as it is: neither read as a document, nor refused for a limit.

    Raises FileStorageFull.
    """
    file = ContentFile(text.encode())
    content = _Content(file, clean_name(name), text_type_of(name), _digest_of(file), file.size)
    same = StoredFile.objects.filter(owner_id=owner.pk, sha256=content.sha256, state=FileState.STORED)
    return same.first() or _store(owner, content, 0)


def _store(owner: AbstractBaseUser, content: "_Content", most_bytes: int) -> StoredFile:
    """Steps 2 to 4 of `store`, with a quota of so many bytes; 0: none."""
    file = _reserve(owner, content, most_bytes)
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
    text: bytes = b""  # of a document, or of a text that is not in UTF-8
    parts: int | None = None
    encoding: str = ""

    @property
    def total(self) -> int:
        """Bytes that are stored."""
        return self.size + len(self.thumbnail) + len(self.text)


def _content_of(upload: "File[bytes]", name: str) -> _Content:
    """What an upload is: images are written anew, documents are read. Raises FileTypeUnsupported and their errors."""
    head = upload.read(HEAD_BYTES)
    upload.seek(0)
    if is_image(head):
        return _image(upload, name)
    kind = document_kind(head, name) or ("" if is_utf8(upload.chunks()) else "text")
    if kind:
        return _document(upload, name, kind)
    return _Content(upload, name, text_type_of(name), _digest_of(upload), upload.size)


def _image(upload: "File[bytes]", name: str) -> _Content:
    upload.seek(0)
    _return_connection()
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


def _document(upload: "File[bytes]", name: str, kind: str) -> _Content:
    _return_connection()
    document = read_document(upload, kind)
    return _Content(
        file=upload,
        name=name,
        media_type=document.media_type or text_type_of(name),
        sha256=_digest_of(upload),
        size=upload.size,
        text=document.text,
        parts=document.parts or None,
        encoding=document.encoding,
    )


def _return_connection() -> None:
    """Give the database connection back to its pool: others may be read before it, one at a time."""
    if not connection.in_atomic_block:
        connection.close()


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
def _reserve(owner: AbstractBaseUser, content: _Content, most_bytes: int) -> StoredFile:
    """A row for a content that is about to be written. Raises FileQuotaExceeded.

    The user's row is locked: of two uploads for which there is room for one, one is refused.
    """
    get_user_model().objects.select_for_update(no_key=True).get(pk=owner.pk)
    if 0 < most_bytes < used_bytes(owner) + content.total:
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
        text_size=len(content.text),
        parts=content.parts,
        encoding=content.encoding,
        place=f"{owner.pk}/{content.sha256}-{pk.hex}",
        kept_until=Now() + UNFINISHED,
    )


def used_bytes(owner: AbstractBaseUser) -> int:
    """Bytes of a user's files, those included that are being written."""
    sizes = StoredFile.objects.filter(owner_id=owner.pk).aggregate(
        bytes=Sum(F("size") + F("thumbnail_size") + F("text_size"))
    )
    return sizes["bytes"] or 0


def _write(file: StoredFile, content: _Content) -> None:
    content.file.seek(0)
    try:
        places = [file_storage().save(file.place, content.file)]
        if content.thumbnail:
            places.append(file_storage().save(file.thumbnail_place, ContentFile(content.thumbnail)))
        if content.text:
            places.append(file_storage().save(file.text_place, ContentFile(content.text)))
    except OSError as error:
        logger.error("file %s could not be written: %r", file.pk, error)
        raise FileStorageFull(repr(error)) from error
    assert set(places) <= {file.place, file.thumbnail_place, file.text_place}, (
        "a place in the storage is never used twice"
    )


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
