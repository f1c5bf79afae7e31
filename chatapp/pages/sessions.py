"""The list of a user's sessions."""

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.core.paginator import Page, Paginator
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Left

from chatapp.chats.models import Message, Role, Session

PAGE_SESSIONS = 50  # a list longer than this is not looked through but searched
TITLE_CHARACTERS = 60  # of the first message, where a session has no title
OPENING_CHARACTERS = 200  # read of the first message: it may begin with white space

_first_message = Message.objects.filter(session=OuterRef("pk"), role=Role.USER).order_by("id")


@dataclass
class Sidebar:
    page: Page
    current: Session | None


def sidebar(user: AbstractBaseUser, number: object = 1, current: Session | None = None) -> Sidebar:
    """The newest sessions of `user`, by pages; a page number out of range is the nearest one."""
    listed = with_opening(Session.objects.visible_to(user).listed()).order_by("-active_at", "-id")
    page = Paginator(listed, PAGE_SESSIONS).get_page(number)
    for session in page.object_list:
        session.shown_title = title_of(session)
    return Sidebar(page, current)


def with_opening(sessions):
    """Sessions with `opening`, the beginning of their first message."""
    opening = _first_message.values_list(Left("content", OPENING_CHARACTERS))[:1]
    return sessions.annotate(opening=Subquery(opening))


def title_of(session: Session) -> str:
    """The title, else the beginning of the first message, cut at a word."""
    words = " ".join((session.title or session.opening or "").split())
    if not words:
        return "New chat"
    if len(words) <= TITLE_CHARACTERS or session.title:
        return words
    cut = words[:TITLE_CHARACTERS]
    return f"{cut.rpartition(' ')[0] or cut}…"
