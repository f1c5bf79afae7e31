"""What a session is called: by its title, or by how it begins."""

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Left

from chatapp.chats.models import Message, Role, Session

TITLE_CHARACTERS = 60  # of the first message, where a session has no title
OPENING_CHARACTERS = 200  # read of the first message: it may begin with white space

_first_message = Message.objects.filter(session=OuterRef("pk"), role=Role.USER).order_by("id")


def with_opening(sessions: QuerySet[Session]) -> QuerySet[Session]:
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
