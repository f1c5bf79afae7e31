"""A limit of streaming connections per user in this process, so that no user occupies them all.

Each costs memory, a follower at the hub and a share of the rechecks. A page has one socket for all its streams, so the
limit is far above the number of tabs a person opens.
"""

import threading
from collections import Counter
from typing import Any
from weakref import finalize

from django.conf import settings

from chatapp.errors import AppError

RETRY_SECONDS = 15.0  # s after which a client may try again

_lock = threading.RLock()  # views run in threads, sockets in the loop; reentrant: a holder may be collected inside it
_open: Counter[int] = Counter()  # by user


class TooManyConnections(AppError):
    """You have too many connections open. Close some tabs or programs."""

    code = "too_many_connections"
    status = 429
    retryable = True
    retry_after = RETRY_SECONDS


def count_connection(user_id: int, holder: Any) -> "finalize[..., Any]":
    """Count a connection of a user until `holder` is collected or the result is called. Raises TooManyConnections."""
    with _lock:
        if 0 < settings.USER_MAX_CONNECTIONS <= _open[user_id]:
            raise TooManyConnections
        _open[user_id] += 1
    release = finalize(holder, _release, user_id)
    release.atexit = False
    return release


def _release(user_id: int) -> None:
    with _lock:
        _open[user_id] -= 1
        if not _open[user_id]:
            del _open[user_id]


def connections_of(user_id: int) -> int:
    return _open[user_id]
