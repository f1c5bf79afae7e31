"""Who may follow a stream: asked through one hook named in settings, at the beginning and again while it goes on."""

from collections.abc import Callable
from importlib import import_module
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.db import connection
from django.utils.module_loading import import_string

from streams.hub import read_log


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


class Viewer:
    """A logged-in user at one connection. `is_valid` tells whether what he logged in with still holds."""

    def __init__(self, user_id: int, is_valid: Callable[[], bool]) -> None:
        self.user_id, self._is_valid = user_id, is_valid

    @classmethod
    def of_session(cls, user_id: int, session_key: str) -> "Viewer":
        """A viewer who logged in with a session cookie."""
        return cls(user_id, lambda: _session_belongs_to(session_key, user_id))

    async def is_logged_in(self) -> bool:
        return await read_log(self._user) is not None

    async def may_follow(self, stream: UUID) -> bool:
        return await read_log(self._may_follow, stream)

    def _user(self):
        user = get_user_model().objects.filter(pk=self.user_id, is_active=True).first()
        return user if user is not None and self._is_valid() else None

    def _may_follow(self, stream: UUID) -> bool:
        user = self._user()
        return user is not None and import_string(settings.STREAMS_MAY_FOLLOW)(user, stream)


def _session_belongs_to(session_key: str, user_id: int) -> bool:
    """Whether the session exists and is still this user's: a log-out deletes it (B55)."""
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    return str(session.get(SESSION_KEY)) == str(user_id)
