"""The list of a user's sessions, as every page shows it at its side."""

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
from chatapp.chats.naming import title_of, with_opening
from runs.session_feed import activity_of, stream_of, with_activity

PAGE_SESSIONS = 50
MAX_SESSIONS = 500  # at once, to a page that has loaded so many by scrolling
WORDS = {"answering": "Answering", "waiting": "Waiting", News.UNREAD: "New", News.FAILED: "Failed"}


@dataclass
class Row:
    """One session of the list. What goes on in it is told before what was."""

    pk: UUID
    title: str
    is_titled: bool
    activity: str
    news: str

    @property
    def mark(self) -> str:
        return WORDS.get(self.activity or self.news, "")


@dataclass
class Group:
    name: str
    rows: list[Row]


@dataclass
class Sidebar:
    """A page of the list. `older` is where the next one begins, empty on the last; `stream` tells of changes."""

    groups: list[Group]
    older: str
    is_first: bool
    stream: UUID

    @property
    def version(self) -> str:
        """The same as long as the list looks the same."""
        return sha256(repr((self.groups, self.older)).encode()).hexdigest()[:16]


def sidebar(user: AbstractBaseUser, before: str = "", count: int = PAGE_SESSIONS) -> Sidebar:
    """`count` sessions of `user`: the newest, after those that are pinned; or those older than the place `before`."""
    place = _place(before)
    listed = with_opening(with_activity(Session.objects.visible_to(user).filter(archived_at=None)))
    loose = listed.filter(pinned_at=None).order_by("-active_at", "-id")
    pinned = [] if place else listed.exclude(pinned_at=None).order_by("-pinned_at")
    if place:
        loose = loose.filter(Q(active_at__lt=place[0]) | Q(active_at=place[0], id__lt=place[1]))
    found = list(loose[: count + 1])
    older = f"{found[count - 1].active_at.isoformat()}_{found[count - 1].pk}" if len(found) > count else ""
    groups = [Group("Pinned", rows)] if (rows := [_row(session) for session in pinned]) else []
    groups += _by_day(found[:count])
    return Sidebar(groups, older, place is None, stream_of(user.pk))


def _place(text: str) -> tuple[datetime, UUID] | None:
    """The last session of the page before; None where the text is none."""
    at, _, pk = text.replace(" ", "+").partition("_")
    try:
        moment = parse_datetime(at)
        return (moment, UUID(pk)) if moment and timezone.is_aware(moment) else None
    except (ValueError, OverflowError):
        return None


def _by_day(sessions: list[Session]) -> list[Group]:
    today = timezone.localdate()
    days = groupby(sessions, lambda session: day_name(timezone.localdate(session.active_at), today))
    return [Group(name, [_row(session) for session in found]) for name, found in days]


def day_name(day: date, today: date) -> str:
    """Today, yesterday, this week, this month, or the month, each as people would say it."""
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
    """The sessions that are out of the way, newest first; with `opening`."""
    archived = Session.objects.visible_to(user).exclude(archived_at=None)
    return with_opening(archived).order_by("-archived_at", "-id")
