"""Who may follow a stream."""

from uuid import UUID

from runs.models import Run
from runs.session_feed import stream_of


def may_follow(pairs: set[tuple[int, UUID]]) -> set[tuple[int, UUID]]:
    """Which of these users (by id) may follow which streams: that of their sessions, and those of the runs in them,

    a comparison's panes among them.
    """
    runs = Run.objects.filter(pk__in={stream for _, stream in pairs}).values_list("session__owner_id", "pk")
    own = {(user_id, stream_of(user_id)) for user_id in {user_id for user_id, _ in pairs}}
    return pairs & ({*runs} | own)
