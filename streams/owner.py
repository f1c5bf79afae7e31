"""The protocol of the application that owns the streams.

`streams` knows neither permissions nor runs. The owner registers one object in its `AppConfig.ready()`. All methods are
called in threads that may use the ORM, never in an event loop.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured

UserStream = tuple[int, UUID]  # a user's id, and a stream


class StreamOwner(Protocol):
    def may_follow(self, pairs: set[UserStream]) -> set[UserStream]:
        """Return those of `pairs` whose user may follow the stream."""

    def snapshot(self, stream: UUID) -> dict[str, Any] | None:
        """Return a snapshot's data for a stream whose events were pruned. None: its content is gone, too."""

    def on_followed(self, streams: Collection[UUID]) -> None:
        """`streams` have followers in this process. Called with every sweep, before the log is read."""

    def on_last_follower_left(self, stream: UUID) -> None:
        """The last follower that `stream` had in this process left before its final event, and will not return."""

    def followed_until(self, stream: UUID) -> datetime | None:
        """Return the lease that `on_followed` renews; None: the stream does not depend on its followers.

        Called when the last follower in this process lost its connection: its page may return, to any web process.
        """

    def on_no_return(self, stream: UUID, until: datetime) -> datetime | None:
        """Return `followed_until` again, if it is not `until` any more: the stream has followers in another process.

        Otherwise it has none, and None is returned. Called STREAMS_RETURN_SECONDS after the connection was lost.
        """


_registered: StreamOwner | None = None


def register_owner(owner: StreamOwner) -> None:
    """Make `owner` the owner of all streams, in place of an earlier one."""
    global _registered
    _registered = owner


def stream_owner() -> StreamOwner:
    """Return the registered owner. Raises ImproperlyConfigured if there is none."""
    if _registered is None:
        raise ImproperlyConfigured("No StreamOwner is registered: call streams.owner.register_owner() in ready().")
    return _registered
