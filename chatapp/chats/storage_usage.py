"""Bytes of text stored per user: a running total, recounted when it matters.

It is counted when there is no total yet, and recounted before a full quota refuses a user: if something was deleted
since the last count, otherwise at most every RECOUNT_SECONDS.
"""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db.models import BigIntegerField, F, Func, Sum, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from chatapp.chats.models import Attachment, Message, Stored

RECOUNT_SECONDS = 300.0  # s between recounts for a user whose quota is full: each reads all stored text

counts_of_other_apps: list[Callable[[int], int]] = []  # functions: user's id -> bytes that an app stores for that user


class _Bytes(Func):
    """Length of a text in bytes of UTF-8."""

    function, output_field = "OCTET_LENGTH", BigIntegerField()

    def as_sqlite(self, compiler, connection, **context):
        return super().as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context)


def size_of(*texts: str) -> int:
    """Total length of texts in bytes of UTF-8."""
    return sum(len(text.encode(errors="replace")) for text in texts)


def add(user_id: int, size: int) -> None:
    """Add `size` bytes to a user's total, in the transaction that stores them."""
    if settings.USER_MAX_BYTES > 0:
        Stored.objects.filter(pk=user_id).update(size=F("size") + size)


def is_full(user_id: int) -> bool:
    """Whether a user's quota is used up."""
    if settings.USER_MAX_BYTES <= 0:
        return False
    stored = Stored.objects.filter(pk=user_id).first()
    if stored is None or (_is_over(stored.size) and _is_old(stored)):
        return _is_over(count(user_id))
    return _is_over(stored.size)


def count(user_id: int) -> int:
    """Recount a user's bytes and store the total."""
    messages = Message.objects.filter(session__owner_id=user_id)
    parts = Sum(_Bytes("content") + _Bytes("reasoning") + _Bytes(Cast("tools", TextField())))
    prompts = Sum(_Bytes(Cast("prompt", TextField())))
    # Those with a content of their own count there (`chatapp.files`).
    texts = Attachment.objects.filter(message__session__owner_id=user_id, file=None)
    files = texts.aggregate(bytes=Sum("size"))["bytes"]
    others = sum(count_of(user_id) for count_of in counts_of_other_apps)
    counts = messages.aggregate(parts=parts, prompts=prompts)
    size = (counts["parts"] or 0) + (counts["prompts"] or 0) + (files or 0) + others
    Stored.objects.update_or_create(user_id=user_id, defaults={"size": size, "counted_at": timezone.now()})
    return size


def changed(user_id: int) -> None:
    """Mark a user's total as stale after a deletion: it is recounted before the next refusal."""
    Stored.objects.filter(pk=user_id).update(counted_at=None)


def _is_over(size: int) -> bool:
    return size >= settings.USER_MAX_BYTES


def _is_old(stored: Stored) -> bool:
    return stored.counted_at is None or stored.counted_at < timezone.now() - timedelta(seconds=RECOUNT_SECONDS)
