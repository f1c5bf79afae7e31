"""Delete files that nothing refers to, and what killed processes have left."""

import logging
from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from chatapp.files.errors import FileInUse
from chatapp.files.models import FileState, StoredFile, StoredFileQuerySet
from chatapp.files.storage import file_storage

logger = logging.getLogger(__name__)

BATCH_FILES = 100  # deleted by one call: other upkeep needs the slot, too


def release_files(owner_id: int) -> None:
    """Let upkeep delete the user's files that nothing refers to any more. Call it where something was deleted that did.

    Files that were uploaded and not used yet stay as long as they would have.
    """
    _release(StoredFile.objects.filter(owner_id=owner_id))


def delete(file: StoredFile) -> None:
    """Delete a file that nothing refers to. Raises FileInUse."""
    if not _take(StoredFile.objects.filter(pk=file.pk, state=FileState.STORED)):
        raise FileInUse
    erase([file.pk])


def delete_due() -> int:
    """Delete a batch of files whose time is over, that lost their owner, or that were left half stored or half deleted.

    Returns their number.
    """
    is_due = Q(owner=None) | Q(kept_until__lte=Now())
    due = StoredFile.objects.filter(is_due).exclude(state=FileState.DELETING).order_by("pk")
    taken = _take(due.filter(pk__in=list(due.values_list("pk", flat=True)[:BATCH_FILES])))
    left = StoredFile.objects.filter(state=FileState.DELETING).values_list("pk", flat=True)
    return erase({*taken, *left[:BATCH_FILES]})


def release_all_files() -> None:
    """What `release_files` does, for all users: something may have been deleted without a word."""
    _release(StoredFile.objects.all())


def _release(files: StoredFileQuerySet) -> None:
    files.filter(kept_until=None, state=FileState.STORED).unheld().update(kept_until=Now())


@transaction.atomic
def _take(files: QuerySet[StoredFile]) -> list[UUID]:
    """Of `files`, the ids of those that nothing refers to: from now on nothing can.

    They are locked before the second query looks: `hold` locks them, too, before anything refers to them.
    """
    locked = list(files.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True))
    taken = list(StoredFile.objects.filter(pk__in=locked).unheld().values_list("pk", flat=True))
    StoredFile.objects.filter(pk__in=taken).update(state=FileState.DELETING)
    StoredFile.objects.filter(pk__in=set(locked) - set(taken)).update(kept_until=None)
    return taken


def erase(files: Collection[UUID]) -> int:
    """Delete contents and then rows of files that nothing can refer to: not stored yet, or taken. Returns their number.

    A content that cannot be deleted keeps its row, so that upkeep tries again.
    """
    number = 0
    for file in StoredFile.objects.filter(pk__in=files).exclude(state=FileState.STORED):
        try:
            file_storage().delete(file.place)
            file_storage().delete(file.thumbnail_place)
            file_storage().delete(file.text_place)
        except OSError as error:
            logger.error("file %s could not be deleted: %r", file.pk, error)
            continue
        number += StoredFile.objects.filter(pk=file.pk).delete()[0]
    return number
