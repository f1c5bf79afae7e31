"""What is done to sessions and messages; pages call it, and whoever else needs the same."""

import secrets
from uuid import UUID, uuid5

from django.contrib.auth.models import AbstractBaseUser
from django.db.models.functions import Now
from django.utils import timezone

from chatapp.chats.models import Message, MessageState, Session
from chatapp.chats.tree import Tree

SESSIONS = UUID("6f2d3f0e-0d4c-4b5e-9a51-5a3c2f6f9a10")  # namespace of the ids made from a form's key
SHARE_BYTES = 32  # of a link's secret: more than anybody can guess
FINAL = {MessageState.COMPLETE, MessageState.STOPPED, MessageState.FAILED, MessageState.LOST}


def start_session(owner: AbstractBaseUser, key: str = "") -> Session:
    """Return the owner's session that this key starts: the same key again returns the same session (B22)."""
    if not key:
        return Session.objects.create(owner=owner)
    return Session.objects.get_or_create(id=id_of_session(owner, key), owner=owner)[0]


def id_of_session(owner: AbstractBaseUser, key: str) -> UUID:
    """The id of the session that this key of the owner starts, or has started."""
    return uuid5(SESSIONS, f"{owner.pk}:{key}")


def rename(session: Session, title: str) -> None:
    """Give a session the name a person wants, at most 80 characters of it; an empty one leaves naming to others."""
    limit = Session._meta.get_field("title").max_length
    session.title = " ".join(title.replace("\0", "").split())[:limit].strip()
    session.save(update_fields=["title"])


def move(session: Session, *, is_pinned: bool | None = None, is_archived: bool | None = None) -> None:
    """Pin to the top of the list or put into the archive, or back; None leaves that as it is. Nothing is both:

    what is pinned comes out of the archive, what is put there is not pinned any more.
    """
    now, values = timezone.now(), {}
    if is_pinned is not None:
        values |= {"pinned_at": now, "archived_at": None} if is_pinned else {"pinned_at": None}
    if is_archived is not None:
        values |= {"archived_at": now, "pinned_at": None} if is_archived else {"archived_at": None}
    if values:
        Session.objects.filter(pk=session.pk).update(**values)


def share(session: Session) -> None:
    """Make the secret of a link by which anybody can read a session; one that is there stays, even for two at once."""
    unshared = Session.objects.filter(pk=session.pk, share_token=None)
    unshared.update(share_token=secrets.token_urlsafe(SHARE_BYTES))
    session.refresh_from_db(fields=["share_token"])


def unshare(session: Session) -> None:
    """The link leads nowhere from now on; a later one is another one."""
    Session.objects.filter(pk=session.pk).update(share_token=None)


def show_branch(message: Message) -> None:
    """Show the branch that a message stands on, to the end of its newest one. Nothing that runs is touched."""
    leaf = Tree(message.session).leaf_below(message.pk)
    Session.objects.filter(pk=message.session_id).update(tip=leaf)


def html_due(content: str) -> dict[str, object]:
    """What to write beside final content that is new or has changed: it has no HTML, and wants some (`runs.rendering`).

    Until then, and for ever if that is too much, pages show the text as it was written. None of them waits for it.
    """
    return {"html": "", "html_due_at": Now() if content else None, "html_tries": 0}
