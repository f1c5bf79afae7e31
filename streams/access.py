"""Access to streams: checked before following starts, and again while it lasts."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, TypeVarTuple
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

T = TypeVar("T")
Args = TypeVarTuple("Args")

BATCH_FRACTION = 1 / 15  # of a heartbeat, for which rechecks are collected

AccessCheck = tuple["Viewer", UUID | None]  # may this viewer follow the stream? None: is the viewer logged in?


async def in_request_thread(function: Callable[[*Args], T], *args: *Args) -> T:
    """Run `function(*args)`, which uses the ORM, in the request's thread and release its database connection at once.

    Django would keep the connection until the response has ended: as many streams as the pool has connections, and no
    other request would get one.
    """

    def call() -> T:
        try:
            return function(*args)
        finally:
            close_old_connections()

    return await sync_to_async(call)()


@dataclass(frozen=True, slots=True)
class Viewer:
    """A user on one connection, with a credential. Subclasses differ in the kind of credential and in permissions."""

    user_id: int
    credential: str

    @classmethod
    def with_valid_credentials(cls, viewers: set["Viewer"], users: Mapping[int, AbstractBaseUser]) -> set["Viewer"]:
        """Return those of `viewers`, all of this class, whose credentials are valid. `users`: by id, all active."""
        raise NotImplementedError

    @classmethod
    def allowed(cls, pairs: set[UserStream]) -> set[UserStream]:
        """Return those of `pairs` whose user may follow the stream."""
        return stream_owner().may_follow(pairs)

    async def may_follow(self, stream: UUID) -> bool:
        """Whether this viewer may follow `stream`. Checked at once: a client is waiting for it."""
        checks: set[AccessCheck] = {(self, stream)}
        return bool(await in_reader_thread(_granted, checks))

    async def recheck(self, streams: Iterable[UUID]) -> set[UUID] | None:
        """Return those of `streams` that this viewer may still follow; None: the viewer is no longer logged in.

        Waits until others recheck as well: separate queries would cost more than all events.
        """
        checks: set[AccessCheck] = {(self, None), *((self, stream) for stream in streams)}
        granted = await _batcher().check(checks)
        return {stream for _, stream in granted if stream is not None} if (self, None) in granted else None


class SessionViewer(Viewer):
    """A viewer with a session cookie, valid as long as that session would log in to a page (B55)."""

    __slots__ = ()

    @classmethod
    def with_valid_credentials(cls, viewers: set[Viewer], users: Mapping[int, AbstractBaseUser]) -> set[Viewer]:
        keys = {viewer.credential for viewer in viewers}
        sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
        data = {session.session_key: session.get_decoded() for session in sessions}
        return {viewer for viewer in viewers if is_session_of(data.get(viewer.credential, {}), users[viewer.user_id])}


def is_session_of(session_data: Mapping[str, object], user: AbstractBaseUser) -> bool:
    """Whether a session with this data logs `user` in: Django's own rule for pages (`auth.get_user`).

    A session holds a hash of the password it started with, so a changed password ends it. While the secret key is
    rotated, a hash made with one of SECRET_KEY_FALLBACKS is valid, too.
    """
    if session_data.get(SESSION_KEY) != str(user.pk):
        return False
    if session_data.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    return is_auth_hash_valid(str(session_data.get(HASH_SESSION_KEY, "")), user)


def is_auth_hash_valid(auth_hash: str, user: AbstractBaseUser) -> bool:
    """Whether this hash was made from the current password of `user`."""
    valid = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(auth_hash, each) for each in valid)


# Returns the viewer with a token; None: it is not valid. Called in threads that may use the ORM.
TokenCheck = Callable[[str], "Viewer | None"]

_token_check: TokenCheck | None = None


def register_token_check(check: TokenCheck) -> None:
    """Use `check` for handshakes with a token. Call it in an `AppConfig.ready()`."""
    global _token_check
    _token_check = check


async def viewer_with_token(token: str) -> Viewer | None:
    """Return the viewer with this token; None: it is not valid, or no check is registered."""
    return await in_reader_thread(_token_check, token) if _token_check is not None else None


async def viewer_of(session_key: str) -> SessionViewer | None:
    """Return the viewer with this session cookie; None: it is not a valid log-in. Never changes the session."""
    return await in_reader_thread(_viewer_of, session_key)


def _viewer_of(session_key: str) -> SessionViewer | None:
    if not session_key.isalnum():  # not a key of Django's; PostgreSQL would raise on a NUL
        return None
    session = Session.objects.filter(session_key=session_key, expire_date__gt=timezone.now()).first()
    data = session.get_decoded() if session is not None else {}
    if SESSION_KEY not in data:
        return None
    user = get_user_model().objects.filter(pk=data[SESSION_KEY], is_active=True).first()
    return SessionViewer(user.pk, session_key) if user is not None and is_session_of(data, user) else None


def _granted(checks: set[AccessCheck]) -> set[AccessCheck]:
    """Return those of `checks` that are granted. The number of queries does not depend on the number of checks."""
    viewers = {viewer for viewer, _ in checks}
    granted: set[AccessCheck] = set()
    users = get_user_model().objects.filter(pk__in={viewer.user_id for viewer in viewers}, is_active=True)
    active = {user.pk: user for user in users}
    for kind in {type(viewer) for viewer in viewers}:
        candidates = {viewer for viewer in viewers if type(viewer) is kind and viewer.user_id in active}
        valid = kind.with_valid_credentials(candidates, active)
        logged_in = {(viewer, stream) for viewer, stream in checks if viewer in valid}
        pairs = {(viewer.user_id, stream) for viewer, stream in logged_in if stream is not None}
        allowed = kind.allowed(pairs) if pairs else set()
        granted |= {
            (viewer, stream) for viewer, stream in logged_in if stream is None or (viewer.user_id, stream) in allowed
        }
    return granted


class AccessCheckBatcher:
    """Collects the access checks of one event loop that can wait, and makes them together."""

    def __init__(self) -> None:
        self._checks: set[AccessCheck] = set()
        self._batch: asyncio.Task[set[AccessCheck]] | None = None  # collecting

    async def check(self, checks: set[AccessCheck]) -> set[AccessCheck]:
        """Return those of `checks` that are granted."""
        self._checks |= checks
        if self._batch is None:
            self._batch = asyncio.ensure_future(self._check_batch())
            self._batch.add_done_callback(_retrieve_exception)
        return checks & await asyncio.shield(self._batch)

    async def _check_batch(self) -> set[AccessCheck]:
        await asyncio.sleep(settings.STREAMS_HEARTBEAT_SECONDS * BATCH_FRACTION)
        checks, self._checks, self._batch = self._checks, set(), None
        return await in_reader_thread(_granted, checks)


def _retrieve_exception(task: asyncio.Task[Any]) -> None:
    """All callers of `check` get an exception; if all have gone, asyncio must not log it as never retrieved."""
    if not task.cancelled():
        task.exception()


_batchers: WeakKeyDictionary[asyncio.AbstractEventLoop, AccessCheckBatcher] = WeakKeyDictionary()


def _batcher() -> AccessCheckBatcher:
    return _batchers.setdefault(asyncio.get_running_loop(), AccessCheckBatcher())
