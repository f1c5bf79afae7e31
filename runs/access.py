"""Who may follow a run's stream: the hook that `streams` asks (settings.STREAMS_MAY_FOLLOW)."""

from uuid import UUID

from runs.models import Run


def may_follow(user, stream: UUID) -> bool:
    """Whether the run with this stream is in one of the user's own sessions, a comparison's panes among them."""
    return Run.objects.filter(pk=stream, session__owner_id=user.pk).exists()
