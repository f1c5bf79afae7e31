"""Pages of a transcript, limited by the number of messages and by the characters they display."""

from dataclasses import dataclass
from itertools import accumulate
from uuid import UUID

from django.db.models import OuterRef, Subquery, Sum, TextField
from django.db.models.functions import Cast, Coalesce, Length

from chatapp.chats.models import Attachment, Message

PAGE_MESSAGES = 40  # messages on a page
PAGE_CHARACTERS = 1_000_000  # characters displayed on a page; a longer message has a page of its own


@dataclass
class Pager:
    """Cuts the messages of a branch, given by their `ids` in order, into pages."""

    ids: list[UUID]
    is_shared: bool = False  # shared pages display no reasoning and no tool calls

    def page_from(self, start: int) -> list[UUID]:
        """The page that begins at an index."""
        some = self.ids[start : start + PAGE_MESSAGES]
        return some[: self._fitting(some)]

    def page_to(self, end: int, least: int = 1) -> list[UUID]:
        """The page that ends before an index, with `least` messages whatever their length."""
        some = self.ids[max(end - PAGE_MESSAGES, 0) : end]
        return some[len(some) - self._fitting(some[::-1], least) :]

    def _fitting(self, some: list[UUID], least: int = 1) -> int:
        """The number of leading messages that fit on a page."""
        if len(some) <= least:
            return len(some)
        totals = accumulate(_lengths(some, self.is_shared))
        return max(sum(total <= PAGE_CHARACTERS for total in totals), min(len(some), least))


def fits(ids: list[UUID]) -> bool:
    """Whether a page may display all characters of these messages."""
    return sum(_lengths(ids)) <= PAGE_CHARACTERS


def _lengths(ids: list[UUID], is_shared: bool = False) -> list[int]:
    """The characters that each message displays."""
    files = Attachment.objects.filter(message=OuterRef("pk")).order_by().values("message")
    length = Length("html") + Length("content")
    length += Coalesce(Subquery(files.annotate(length=Sum(Length("text"))).values("length")), 0)
    if not is_shared:
        length += Length("reasoning") + Length(Cast("tools", TextField()))
    length_of = dict(Message.objects.filter(pk__in=ids).values_list("id", length))
    return [length_of.get(pk, 0) for pk in ids]
