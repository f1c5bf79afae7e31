"""The sidebar: the list of a user's sessions, in pages, grouped by day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from itertools import groupby
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from chatapp.chats.models import News, Session
from chatapp.chats.titles import title_of, with_opening
from runs.session_feed import activity_of, stream_of, with_activity

PAGE_SESSIONS = 50
MAX_SESSIONS = 500  # per request, to update a page that has loaded this many by scrolling
BADGES = {"answering": "Answering", "waiting": "Waiting", News.UNREAD: "New", News.FAILED: "Failed"}


@dataclass
class Row:
    """One session of the list. Its current activity takes precedence over its unread state."""

    pk: UUID
    title: str
    is_titled: bool
    activity: str
    news: str

    @property
    def mark(self) -> str:
        return BADGES.get(self.activity or self.news, "")


@dataclass
class Group:
    name: str
    rows: list[Row]


@dataclass
class Sidebar:
    """A page of the list. `older` is the cursor of the next page, empty on the last; `stream` announces changes."""

    groups: list[Group]
    older: str
    is_first: bool
    stream: UUID

    @property
    def version(self) -> str:
        """A hash of everything displayed."""
        return sha256(repr((self.groups, self.older)).encode()).hexdigest()[:16]


def sidebar(user: AbstractBaseUser, before: str = "", count: int = PAGE_SESSIONS) -> Sidebar:
    """The pinned sessions of `user` and the newest `count` others; or, without the pinned, `count` after a cursor."""
    cursor = _parse_cursor(before)
    listed = with_opening(with_activity(Session.objects.visible_to(user).filter(archived_at=None)))
    unpinned = listed.filter(pinned_at=None).order_by("-active_at", "-id")
    pinned = [] if cursor else listed.exclude(pinned_at=None).order_by("-pinned_at")
    if cursor:
        unpinned = unpinned.filter(Q(active_at__lt=cursor[0]) | Q(active_at=cursor[0], id__lt=cursor[1]))
    page = list(unpinned[: count + 1])
    older = f"{page[count - 1].active_at.isoformat()}_{page[count - 1].pk}" if len(page) > count else ""
    groups = [Group("Pinned", rows)] if (rows := [_row(session) for session in pinned]) else []
    groups += _by_day(page[:count])
    return Sidebar(groups, older, cursor is None, stream_of(user.pk))


def _parse_cursor(text: str) -> tuple[datetime, UUID] | None:
    """When the last session of the previous page was active, and its id; None if invalid."""
    at, _, pk = text.replace(" ", "+").partition("_")
    try:
        moment = parse_datetime(at)
        return (moment, UUID(pk)) if moment and timezone.is_aware(moment) else None
    except (ValueError, OverflowError):
        return None


def _by_day(sessions: list[Session]) -> list[Group]:
    today = timezone.localdate()
    days = groupby(sessions, lambda session: day_name(timezone.localdate(session.active_at), today))
    return [Group(name, [_row(session) for session in group]) for name, group in days]


def day_name(day: date, today: date) -> str:
    """The heading of a day's group: relative within 30 days, then the month."""
    if day >= today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    if day > today - timedelta(days=7):
        return "Previous 7 days"
    if day > today - timedelta(days=30):
        return "Previous 30 days"
    return f"{day:%B %Y}"


def _row(session: Session) -> Row:
    return Row(session.pk, title_of(session), bool(session.title), activity_of(session), session.news)


def archive(user: AbstractBaseUser) -> QuerySet[Session]:
    """The archived sessions, newest first, with `opening`."""
    archived = Session.objects.visible_to(user).exclude(archived_at=None)
    return with_opening(archived).order_by("-archived_at", "-id")
