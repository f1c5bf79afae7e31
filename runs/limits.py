"""Limits on what one user may send: length of a message, files, runs at once, messages a minute, bytes (B57)."""

from collections.abc import Sequence, Sized
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from chatapp.chats import storage_usage
from chatapp.chats.attachments import full_text
from chatapp.chats.models import Attachment
from runs.errors import PromptEmpty, PromptTooLong, QuotaExceeded, TooManyAttachments, TooManyRuns, TooManySends
from runs.models import Run

BYTES_A_CHARACTER = 4  # at most, in UTF-8


def check_prompt(text: str, files: Sequence[Attachment] = (), *, is_program: bool = False) -> None:
    """Raise PromptEmpty or PromptTooLong. Text and files share one limit."""
    if not text.strip() and not files:
        raise PromptEmpty
    check_length(full_text(text, files), settings.PROGRAM_MAX_CHARACTERS if is_program else None)


def check_length(text: str, limit: int | None = None) -> None:
    """Raise PromptTooLong, with the length and the limit, by default that of people."""
    limit = settings.PROMPT_MAX_CHARACTERS if limit is None else limit
    if len(text) > limit:
        message = f"The message is too long: {len(text):,} characters. The limit is {limit:,}."
        raise PromptTooLong(message=message)


def check_text_size(size: int, limit: int | None = None) -> None:
    """Raise PromptTooLong for a file of so many bytes, if it cannot fit into a message whatever its characters are."""
    if size > (limit or settings.PROMPT_MAX_CHARACTERS) * BYTES_A_CHARACTER:
        raise PromptTooLong


def check_file_count(files: Sized) -> None:
    """Raise TooManyAttachments."""
    if len(files) > settings.PROMPT_MAX_FILES:
        raise TooManyAttachments


def check_limits(user: AbstractBaseUser, *, is_program: bool = False) -> None:
    """Raise TooManyRuns, TooManySends or QuotaExceeded (B57).

    Requests of programs, through /v1, are counted apart, with a limit of their own.

    Call it in a transaction: it locks the user's row, so that concurrent sends are counted one after the other.
    """
    get_user_model().objects.select_for_update(no_key=True).get(pk=user.pk)
    runs = Run.objects.filter(session__owner_id=user.pk)
    if 0 < settings.USER_MAX_RUNS <= runs.active().count():
        raise TooManyRuns
    limit = settings.PROGRAM_MAX_SENDS if is_program else settings.USER_MAX_SENDS
    if limit > 0:
        _check_send_rate(runs.filter(is_program=is_program), limit)
    if storage_usage.is_full(user.pk):
        raise QuotaExceeded


def _check_send_rate(runs: QuerySet, limit: int) -> None:
    """Raise TooManySends, with the seconds until one more run fits into a minute."""
    a_minute_ago = timezone.now() - timedelta(minutes=1)
    sent = runs.filter(queued_at__gt=a_minute_ago).order_by("-queued_at").values_list("queued_at", flat=True)
    if blocking := sent[limit - 1 :].first():
        error = TooManySends()
        error.retry_after = (blocking - a_minute_ago).total_seconds()
        raise error
