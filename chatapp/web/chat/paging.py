"""How many messages make a page: so many at most, and as many of them as have about so much to show."""

from itertools import accumulate
from uuid import UUID

from django.db.models import OuterRef, Subquery, Sum, TextField
from django.db.models.functions import Cast, Coalesce, Length

from chatapp.chats.models import Attachment, Message

PAGE_MESSAGES = 40  # at most on a page,
PAGE_CHARACTERS = 1_000_000  # and as many of them as have about so much to show; a longer one has a page of its own


def fitting(ids: list[UUID], least: int = 1, is_shared: bool = False) -> int:
    """How many of these, from the first on, make a page; `least` do in any case."""
    some = ids[:PAGE_MESSAGES]
    totals = accumulate(_lengths(some, is_shared))
    return max(sum(total <= PAGE_CHARACTERS for total in totals), min(len(some), least))


def fits(ids: list[UUID]) -> bool:
    """Whether all of these have no more to show than a page."""
    return sum(_lengths(ids)) <= PAGE_CHARACTERS


def _lengths(ids: list[UUID], is_shared: bool = False) -> list[int]:
    """What each has to show, in characters. What is shared comes without reasoning and tools."""
    files = Attachment.objects.filter(message=OuterRef("pk")).order_by().values("message")
    length = Length("html") + Length("content")
    length += Coalesce(Subquery(files.annotate(length=Sum(Length("text"))).values("length")), 0)
    if not is_shared:
        length += Length("reasoning") + Length(Cast("tools", TextField()))
    length_of = dict(Message.objects.filter(pk__in=ids).values_list("id", length))
    return [length_of.get(pk, 0) for pk in ids]
