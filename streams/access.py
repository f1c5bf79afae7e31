"""Who may follow a stream: its owner is asked at the beginning, and again while it goes on."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.sessions.models import Session
from django.db import close_old_connections
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from streams.delivery.hub import in_reader_thread
from streams.owner import UserStream, stream_owner

BATCH_FRACTION = 1 / 15  # of a heartbeat: for so long questions about those who follow already are gathered

AccessCheck = tuple["Viewer", UUID | None]  # whether he may follow it; None: whether he is logged in


async def in_request_thread(function: Callable, *args: object):
    """Run `function`, which finds out in the database who asks, in the request's thread.

    Its connection is given back at once. Django would keep it until the response has ended: as many streams as there
    are pooled connections, and nobody else would get one.
    """

    def call():
        try:
            return function(*args)
        finally:
            close_old_connections()

    return await sync_to_async(call)()


@dataclass(frozen=True, slots=True)
class Viewer:
    """A user at one connection, and what he came with. Kinds of viewers differ in what that is, and what they may."""

    user_id: int
    credential: str

    @classmethod
    def with_valid_credentials(cls, viewers: set["Viewer"], users: dict[int, AbstractBaseUser]) -> set["Viewer"]:
        """Those whose credentials still hold, of any number of this kind. `users`: theirs, by id; all are active."""
        raise NotImplementedError

    @classmethod
    def allowed(cls, pairs: set[UserStream]) -> set[UserStream]:
        """Which of these users may follow which of these streams."""
        return stream_owner().may_follow(pairs)

    async def may_follow(self, stream: UUID) -> bool:
        """Asked at once: somebody waits for the beginning."""
        return bool(await in_reader_thread(_granted, {(self, stream)}))

    async def recheck(self, streams: Iterable[UUID]) -> set[UUID] | None:
        """Which of `streams` this viewer may go on following; None: he is not logged in any more.

        Takes a moment, in which others ask as well: a question each would cost more than all that they are told.
        """
        questions = {(self, None), *((self, stream) for stream in streams)}
        yes = await _batcher().ask(questions)
        return {stream for _, stream in yes if stream is not None} if (self, None) in yes else None


class SessionViewer(Viewer):
    """A viewer who logged in with a session cookie, as long as that session would log in to a page (B55)."""

    __slots__ = ()

    @classmethod
    def with_valid_credentials(cls, viewers: set[Viewer], users: dict[int, AbstractBaseUser]) -> set[Viewer]:
        keys = {viewer.credential for viewer in viewers}
        sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
        data = {session.session_key: session.get_decoded() for session in sessions}
        return {viewer for viewer in viewers if is_session_of(data.get(viewer.credential, {}), users[viewer.user_id])}


def is_session_of(session_data: dict[str, object], user: AbstractBaseUser) -> bool:
    """Whether a session with this data is a log-in of `user`: Django's own rule for pages (`auth.get_user`).

    A session carries a hash of the password it began with, so a changed password ends it. While the secret key is
    being rotated a hash that was made with one of SECRET_KEY_FALLBACKS counts, too.
    """
    if session_data.get(SESSION_KEY) != str(user.pk):
        return False
    if session_data.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    return is_auth_hash_valid(str(session_data.get(HASH_SESSION_KEY, "")), user)


def is_auth_hash_valid(auth_hash: str, user: AbstractBaseUser) -> bool:
    """Whether this hash was made of the password that `user` has now."""
    valid = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(auth_hash, each) for each in valid)


async def viewer_of(session_key: str) -> SessionViewer | None:
    """The viewer whose session cookie this is; None: it logs nobody in. Reads only, whatever it finds."""
    return await in_reader_thread(_viewer_of, session_key)


def _viewer_of(session_key: str) -> SessionViewer | None:
    if not session_key.isalnum():  # made up; PostgreSQL would choke on a NUL
        return None
    session = Session.objects.filter(session_key=session_key, expire_date__gt=timezone.now()).first()
    data = session.get_decoded() if session is not None else {}
    user = get_user_model().objects.filter(pk=data.get(SESSION_KEY), is_active=True).first()
    return SessionViewer(user.pk, session_key) if user is not None and is_session_of(data, user) else None


def _granted(questions: set[AccessCheck]) -> set[AccessCheck]:
    """Those to which the answer is yes, with as many queries for a thousand as for one."""
    viewers, yes = {viewer for viewer, _ in questions}, set()
    users = get_user_model().objects.filter(pk__in={viewer.user_id for viewer in viewers}, is_active=True)
    active = {user.pk: user for user in users}
    for kind in {type(viewer) for viewer in viewers}:
        candidates = {viewer for viewer in viewers if type(viewer) is kind and viewer.user_id in active}
        known = kind.with_valid_credentials(candidates, active)
        asked = {(viewer, stream) for viewer, stream in questions if viewer in known}
        pairs = {(viewer.user_id, stream) for viewer, stream in asked if stream is not None}
        allowed = kind.allowed(pairs) if pairs else set()
        yes |= {(viewer, stream) for viewer, stream in asked if stream is None or (viewer.user_id, stream) in allowed}
    return yes


class AccessCheckBatcher:
    """Where the questions of one event loop are gathered that can wait a moment."""

    def __init__(self) -> None:
        self._questions: set[AccessCheck] = set()
        self._asking: asyncio.Task[set[AccessCheck]] | None = None

    async def ask(self, questions: set[AccessCheck]) -> set[AccessCheck]:
        """Those to which the answer is yes."""
        self._questions |= questions
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._ask())
            self._asking.add_done_callback(_retrieve_exception)
        return questions & await asyncio.shield(self._asking)

    async def _ask(self) -> set[AccessCheck]:
        await asyncio.sleep(settings.STREAMS_HEARTBEAT_SECONDS * BATCH_FRACTION)
        questions, self._questions, self._asking = self._questions, set(), None
        return await in_reader_thread(_granted, questions)


def _retrieve_exception(task: asyncio.Task) -> None:
    """Whoever asked is told of an exception; should they all have gone, it is nobody's."""
    if not task.cancelled():
        task.exception()


_batchers: WeakKeyDictionary[asyncio.AbstractEventLoop, AccessCheckBatcher] = WeakKeyDictionary()


def _batcher() -> AccessCheckBatcher:
    return _batchers.setdefault(asyncio.get_running_loop(), AccessCheckBatcher())
