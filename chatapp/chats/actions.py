"""Actions on sessions and messages, for pages and API."""

import secrets
from uuid import UUID, uuid5

from django.contrib.auth.models import AbstractBaseUser
from django.db.models.functions import Now
from django.utils import timezone

from chatapp.chats.models import Message, MessageState, Session
from chatapp.chats.tree import Tree

SESSIONS = UUID("6f2d3f0e-0d4c-4b5e-9a51-5a3c2f6f9a10")  # namespace of ids derived from a form's key
SHARE_BYTES = 32  # of entropy in a share link
FINAL = {MessageState.COMPLETE, MessageState.STOPPED, MessageState.FAILED, MessageState.LOST}


def start_session(owner: AbstractBaseUser, key: str = "") -> Session:
    """Create a session. The same key returns the same session, so a repeated form post creates one (B22)."""
    if not key:
        return Session.objects.create(owner=owner)
    return Session.objects.get_or_create(id=id_of_session(owner, key), owner=owner)[0]


def id_of_session(owner: AbstractBaseUser, key: str) -> UUID:
    """The id that `start_session` gives for this key, whether or not the session exists yet."""
    return uuid5(SESSIONS, f"{owner.pk}:{key}")


def rename(session: Session, title: str) -> None:
    """Set the title, cut to the column's length. An empty title lets the model name the session."""
    limit = Session._meta.get_field("title").max_length
    session.title = " ".join(title.replace("\0", "").split())[:limit].strip()
    session.save(update_fields=["title"])


def move(session: Session, *, is_pinned: bool | None = None, is_archived: bool | None = None) -> None:
    """Pin or archive a session, or undo it; None leaves that as it is.

    A session is never both: pinning takes it out of the archive, archiving unpins it.
    """
    now, values = timezone.now(), {}
    if is_pinned is not None:
        values |= {"pinned_at": now, "archived_at": None} if is_pinned else {"pinned_at": None}
    if is_archived is not None:
        values |= {"archived_at": now, "pinned_at": None} if is_archived else {"archived_at": None}
    if values:
        Session.objects.filter(pk=session.pk).update(**values)


def share(session: Session, *, with_files: bool | None = None) -> None:
    """Create the share link's token, and choose whether it shows files, too; None keeps what was chosen.

    An existing token is kept, also when two requests race.
    """
    unshared = Session.objects.filter(pk=session.pk, share_token=None)
    unshared.update(share_token=secrets.token_urlsafe(SHARE_BYTES))
    if with_files is not None:
        Session.objects.filter(pk=session.pk).update(share_files=with_files)
    session.refresh_from_db(fields=["share_token", "share_files"])


def unshare(session: Session) -> None:
    """Revoke the share link. Sharing again creates a different one."""
    Session.objects.filter(pk=session.pk).update(share_token=None, share_files=False)


def show_branch(message: Message) -> None:
    """Make the branch through `message` the visible one, down to its newest leaf. Running answers are not affected."""
    leaf = Tree(message.session).leaf_below(message.pk)
    Session.objects.filter(pk=message.session_id).update(tip=leaf)


def html_due(content: str) -> dict[str, object]:
    """Field values to save with new or changed final content: its HTML is due (`runs.rendering`).

    Until it is rendered, and permanently if rendering fails, pages show plain text. No page waits for it.
    """
    return {"html": "", "html_due_at": Now() if content else None, "html_tries": 0}
