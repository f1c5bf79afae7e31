"""The owner of all streams: each is a run's, or a user's feed of sessions."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from runs import access
from runs.lifecycle import attached
from runs.queries import answers
from streams.owner import UserStream


class RunStreams:
    """Implements `streams.owner.StreamOwner`."""

    def may_follow(self, pairs: set[UserStream]) -> set[UserStream]:
        return access.may_follow(pairs)

    def snapshot(self, stream: UUID) -> dict[str, Any] | None:
        return answers.snapshot(stream)

    def on_followed(self, streams: Collection[UUID]) -> None:
        attached.renew(streams)

    def on_last_follower_left(self, stream: UUID) -> None:
        attached.stop_without_viewer(stream)

    def followed_until(self, stream: UUID) -> datetime | None:
        return attached.followed_until(stream)

    def on_no_return(self, stream: UUID, until: datetime) -> datetime | None:
        return attached.stop_unless_renewed(stream, until)
