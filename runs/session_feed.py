"""One stream per user with changes of their sessions, for the list on pages. Its events are not stored.

A page that was disconnected loads the list again, so a lost event does no harm. Code that changes what the list shows
announces it here, after the commit. `docs/protocol.md` describes the events.
"""

from functools import partial
from uuid import UUID, uuid5

import orjson
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Subquery
from django.db.models.functions import Coalesce

from chatapp.chats.models import Session
from runs.models import Run
from runs.states import Status
from streams.delivery.announce import announce
from streams.events import Control, Event

USERS = UUID("1f0a3c52-77d1-4f9e-8a54-0d6d6a7c2b11")  # namespace of the ids of users' streams


def stream_of(user_id: int) -> UUID:
    """The stream of a user's sessions."""
    return uuid5(USERS, str(user_id))


def with_activity(sessions):
    """Sessions with `is_running` and `is_waiting`: whether a run is running, or waits for a worker."""
    runs = Run.objects.filter(session=OuterRef("pk"))
    return sessions.annotate(
        is_running=Exists(runs.filter(status=Status.RUNNING)),
        is_waiting=Exists(runs.dispatched()),
    )


def activity_of(session: Session) -> str:
    """ "answering", "waiting" or "", of a session from `with_activity`."""
    return "answering" if session.is_running else "waiting" if session.is_waiting else ""


def session_changed(session_id: UUID, *, ended: UUID | None = None) -> None:
    """Announce a session's title, activity, unread badge and queue after the commit.

    `ended` is a run that has just ended.
    """
    transaction.on_commit(partial(_announce_session, session_id, ended), robust=True)


def sessions_changed(owner_id: int) -> None:
    """Announce after the commit that the list must be loaded again: a session was added, removed or moved."""
    transaction.on_commit(partial(_announce, owner_id, Control.SESSIONS_CHANGED, {}), robust=True)


def positions_changed(owner_id: int, ahead: dict[str, int]) -> None:
    """Announce at once, with nothing to commit, how many answers are ahead of each that waits for a worker."""
    _announce(owner_id, Control.PLACES_CHANGED, {"ahead": ahead})


def _announce_session(session_id: UUID, ended: UUID | None) -> None:
    queued = Run.objects.filter(session=OuterRef("pk")).in_queue().order_by().values("session")
    count = Coalesce(Subquery(queued.annotate(count=Count("pk")).values("count")), 0)
    listed = Session.objects.listed().filter(pk=session_id).annotate(queued=count)
    session = with_activity(listed).first()
    if session is not None:
        data = {
            "session": str(session.pk),
            "title": session.title,
            "activity": activity_of(session),
            "news": session.news,
            "ended": ended and str(ended),
            "queued": session.queued,
            "held": session.is_queue_held,
        }
        _announce(session.owner_id, Control.SESSION_CHANGED, data)


def _announce(owner_id: int, kind: Control, data: dict) -> None:
    announce([Event(stream_of(owner_id), 0, kind, orjson.dumps(data))])
