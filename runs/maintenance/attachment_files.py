"""Store the content of attachments that have nothing but their text, which earlier versions kept in the row alone.

The text stays in the row, so that what is shown, searched and sent is the same before, meanwhile and after; the file is
one more thing that the row refers to. Each row is a step of its own: what was interrupted goes on with the next one.
"""

from uuid import UUID

from django.db import transaction

from chatapp.chats import storage_usage
from chatapp.chats.models import Attachment
from chatapp.files.actions import hold, store_moved_text

BATCH_ROWS = 100  # whose texts are in memory at once


def store_batch(after: UUID | None = None) -> tuple[int, UUID | None]:
    """Store the contents of the next attachments; how many, and the last one looked at: None if there are no more.

    Raises FileStorageFull.
    """
    rows = (
        Attachment.objects.filter(file=None).exclude(text="").order_by("pk").select_related("message__session__owner")
    )
    batch = list(rows.filter(pk__gt=after)[:BATCH_ROWS] if after else rows[:BATCH_ROWS])
    done = sum(map(_store, batch))
    for owner_id in {attachment.message.session.owner_id for attachment in batch}:
        storage_usage.changed(owner_id)
    return done, batch[-1].pk if batch else None


def _store(attachment: Attachment) -> int:
    """1, or 0 if the attachment was deleted meanwhile; its file then goes as any that nothing refers to."""
    owner = attachment.message.session.owner
    file = store_moved_text(owner, attachment.text, attachment.name)
    with transaction.atomic():
        hold(owner.pk, [file.pk])
        done = Attachment.objects.filter(pk=attachment.pk, file=None).update(file=file)
        if not done:
            transaction.set_rollback(True)
    return done
