"""Who may follow a stream: asked through one hook named in settings, at the beginning and again while it goes on."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone
from django.utils.module_loading import import_string

from streams.hub import read_log

GATHERING = 1 / 15  # of a heartbeat: for so long questions about those who follow already are gathered

Pair = tuple[int, UUID]  # a user's id, and a stream
Question = tuple["Viewer", UUID | None]  # whether he may follow it; None: whether he is logged in


async def identify(function: Callable, *args: object):
    """Run `function`, which finds out in the database who asks, in the request's thread.

    Its connection is given back at once. Django would keep it until the response has ended: as many streams as there
    are pooled connections, and nobody else would get one.
    """

    def call():
        try:
            return function(*args)
        finally:
            if not connection.in_atomic_block:  # which is a test's
                connection.close()

    return await sync_to_async(call)()


@dataclass(frozen=True, slots=True)
class Viewer:
    """A user at one connection, and what he came with. Kinds of viewers differ in what that is, and what they may."""

    user_id: int
    credential: str

    @classmethod
    def holding(cls, viewers: set["Viewer"]) -> set["Viewer"]:
        """Those whose credentials still hold, of any number of this kind."""
        raise NotImplementedError

    @classmethod
    def allowed(cls, pairs: set[Pair]) -> set[Pair]:
        """Which of these users may follow which of these streams."""
        return import_string(settings.STREAMS_MAY_FOLLOW)(pairs)

    async def may_follow(self, stream: UUID) -> bool:
        """Asked at once: somebody waits for the beginning."""
        return bool(await read_log(_answered, {(self, stream)}))

    async def still(self, streams: Iterable[UUID]) -> set[UUID] | None:
        """Which of `streams` this viewer may go on following; None: he is not logged in any more.

        Takes a moment, in which others ask as well: a question each would cost more than all that they are told.
        """
        questions = {(self, None), *((self, stream) for stream in streams)}
        yes = await _desk().ask(questions)
        return {stream for _, stream in yes if stream is not None} if (self, None) in yes else None


class SessionViewer(Viewer):
    """A viewer who logged in with a session cookie. A log-out deletes the session (B55)."""

    __slots__ = ()

    @classmethod
    def holding(cls, viewers: set[Viewer]) -> set[Viewer]:
        keys = {viewer.credential for viewer in viewers}
        sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
        users = {session.session_key: str(session.get_decoded().get(SESSION_KEY)) for session in sessions}
        return {viewer for viewer in viewers if users.get(viewer.credential) == str(viewer.user_id)}


def _answered(questions: set[Question]) -> set[Question]:
    """Those to which the answer is yes, with as many queries for a thousand as for one."""
    viewers = {viewer for viewer, _ in questions}
    users = get_user_model().objects.filter(pk__in={viewer.user_id for viewer in viewers}, is_active=True)
    active, yes = set(users.values_list("pk", flat=True)), set()
    for kind in {type(viewer) for viewer in viewers}:
        known = kind.holding({viewer for viewer in viewers if type(viewer) is kind and viewer.user_id in active})
        asked = {(viewer, stream) for viewer, stream in questions if viewer in known}
        pairs = {(viewer.user_id, stream) for viewer, stream in asked if stream is not None}
        allowed = kind.allowed(pairs) if pairs else set()
        yes |= {(viewer, stream) for viewer, stream in asked if stream is None or (viewer.user_id, stream) in allowed}
    return yes


class _Desk:
    """Where the questions of one event loop are gathered that can wait a moment."""

    def __init__(self) -> None:
        self._questions: set[Question] = set()
        self._asking: asyncio.Task[set[Question]] | None = None

    async def ask(self, questions: set[Question]) -> set[Question]:
        """Those to which the answer is yes."""
        self._questions |= questions
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._ask())
            self._asking.add_done_callback(_look_at)
        return questions & await asyncio.shield(self._asking)

    async def _ask(self) -> set[Question]:
        await asyncio.sleep(settings.STREAMS_HEARTBEAT_SECONDS * GATHERING)
        questions, self._questions, self._asking = self._questions, set(), None
        return await read_log(_answered, questions)


def _look_at(task: asyncio.Task) -> None:
    """Whoever asked is told of an exception; should they all have gone, it is nobody's."""
    if not task.cancelled():
        task.exception()


_desks: WeakKeyDictionary[asyncio.AbstractEventLoop, _Desk] = WeakKeyDictionary()


def _desk() -> _Desk:
    return _desks.setdefault(asyncio.get_running_loop(), _Desk())
