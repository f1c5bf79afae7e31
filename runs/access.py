"""Who may follow a stream: the hook that `streams` asks (settings.STREAMS_MAY_FOLLOW)."""

from uuid import UUID

from runs.models import Run
from runs.summary import stream_of


def may_follow(user, stream: UUID) -> bool:
    """Whether it is the stream of the user's sessions, or of a run in one of them, a comparison's panes among them."""
    return stream == stream_of(user.pk) or Run.objects.filter(pk=stream, session__owner_id=user.pk).exists()
