"""Who may follow a stream."""

from uuid import UUID

from runs.models import Run
from runs.session_feed import stream_of


def may_follow(pairs: set[tuple[int, UUID]]) -> set[tuple[int, UUID]]:
    """The pairs of user's id and stream that are allowed: a user's own feed, and runs in their sessions and panes."""
    runs = Run.objects.filter(pk__in={stream for _, stream in pairs}).values_list("session__owner_id", "pk")
    own = {(user_id, stream_of(user_id)) for user_id in {user_id for user_id, _ in pairs}}
    return pairs & ({*runs} | own)
