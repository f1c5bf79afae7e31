"""Attached runs: those that depend on being followed (B42). `runs.stream_owner` says who follows."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from runs.lifecycle import transitions
from runs.models import Run
from runs.states import StopReason


def attach(run: Run) -> None:
    """Let a run depend on being followed; whoever asked for it has VIEWER_SECONDS to begin."""
    Run.objects.filter(pk=run.pk).update(viewer_until=viewer_end())


def detach(run: Run) -> None:
    """Let a run outlive its viewers."""
    Run.objects.filter(pk=run.pk).update(viewer_until=None)


def viewer_end() -> datetime:
    """Until when an attached run lives on that is followed now."""
    return timezone.now() + timedelta(seconds=settings.VIEWER_SECONDS)


def watched(streams: Iterable[UUID]) -> None:
    """Somebody follows these runs: those that depend on it live on, those whose worker is gone are ended."""
    streams = list(streams)
    attached = Run.objects.active().filter(pk__in=streams, viewer_until__isnull=False)
    attached.update(viewer_until=viewer_end())
    transitions.reap(streams)


def left(stream: UUID) -> None:
    """The last follower in this process has gone before the end: an attached run ends with it (B42)."""
    run = Run.objects.active().filter(pk=stream, viewer_until__isnull=False).first()
    if run is not None:
        transitions.request_stop(run, None, StopReason.VIEWER_LEFT)


def stop_unwatched() -> int:
    """Stop attached runs that nobody has followed for a while: their page, or its web server, is gone (B42)."""
    runs = list(Run.objects.active().filter(viewer_until__lt=timezone.now(), stop_requested_at=None))
    for run in runs:
        transitions.request_stop(run, None, StopReason.VIEWER_LEFT)
    return len(runs)
