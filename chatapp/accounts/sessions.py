"""Log-ins: the sessions of a user's browsers, which end when the password changes.

After a password change Django no longer accepts the user's other sessions, and streams followed with them end at the
next access check (`streams.access`). Their rows would stay until they expire, so they are deleted here, however the
password was changed.
"""

from functools import partial

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from streams.access import is_session_of

CHUNK = 500  # keys in one statement


def end_void_sessions(user: AbstractBaseUser) -> None:
    """Delete, on commit, the sessions of `user` that were opened with an earlier password.

    They are collected before the commit: the session that changes the password gets its new hash only after the user
    is saved. The table has no column for the user, so all live sessions are decoded.
    """
    alive = Session.objects.filter(expire_date__gt=timezone.now()).iterator()
    data = ((session.session_key, session.get_decoded()) for session in alive)
    void = [key for key, values in data if values.get(SESSION_KEY) == str(user.pk) and not is_session_of(values, user)]
    transaction.on_commit(partial(_delete, void))


def _delete(keys: list[str]) -> None:
    for start in range(0, len(keys), CHUNK):
        Session.objects.filter(session_key__in=keys[start : start + CHUNK]).delete()


def on_user_saved(instance: AbstractBaseUser, created: bool, update_fields: frozenset[str] | None, **kwargs) -> None:
    """Receiver of `post_save`: the password may have changed."""
    if not created and (update_fields is None or "password" in update_fields):
        end_void_sessions(instance)
