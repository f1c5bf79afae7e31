"""The protocol of the application that owns the streams.

`streams` knows neither permissions nor runs. The owner registers one object in its `AppConfig.ready()`. All methods are
called in threads that may use the ORM, never in an event loop.
"""

from collections.abc import Collection
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
        """The last follower that `stream` had in this process left before its final event."""


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
