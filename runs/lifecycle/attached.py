"""Attached runs: they end when no viewer follows them (B42). `streams` reports who follows, see `StreamOwner`.

A program that disconnects has left, and so have pages that STREAMS_RETURN_SECONDS after their connection was lost are
not back. They may return to any web process, which renews the lease: that is how the others learn of it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from runs import clock
from runs.lifecycle.reaper import reap
from runs.lifecycle.stop import request_stop
from runs.models import Run
from runs.states import StopReason


def attach(run: Run) -> None:
    """Let a run end without viewers; the first has VIEWER_SECONDS to follow it."""
    Run.objects.filter(pk=run.pk).update(viewer_until=viewer_end())


def detach(run: Run) -> None:
    """Let a run outlive its viewers."""
    Run.objects.filter(pk=run.pk).update(viewer_until=None)


def viewer_end() -> datetime:
    """The end of an attached run that is followed now, unless it is renewed."""
    return clock.now() + timedelta(seconds=settings.VIEWER_SECONDS)


def renew(streams: Iterable[UUID]) -> None:
    """Of these followed runs, renew the attached ones, and end those whose worker is dead."""
    streams = list(streams)
    attached = Run.objects.active().filter(pk__in=streams, viewer_until__isnull=False)
    attached.update(viewer_until=viewer_end())
    reap(streams)


def stop_without_viewer(stream: UUID) -> None:
    """Stop an attached run, whose last follower in this process has left (B42)."""
    run = Run.objects.active().filter(pk=stream, viewer_until__isnull=False).first()
    if run is not None:
        request_stop(run, None, StopReason.VIEWER_LEFT)


def followed_until(stream: UUID) -> datetime | None:
    """The end of an attached run's lease; None for a detached or a final one."""
    return Run.objects.active().filter(pk=stream).values_list("viewer_until", flat=True).first()


def stop_unless_renewed(stream: UUID, until: datetime) -> datetime | None:
    """Stop an attached run whose lease is still `until`. Returns the lease of one that is followed elsewhere."""
    run = Run.objects.active().filter(pk=stream, viewer_until=until).first()
    if run is None:
        return followed_until(stream)
    request_stop(run, None, StopReason.VIEWER_LEFT)
    return None


def stop_unwatched() -> int:
    """Stop attached runs without followers for a while: their page, or its web server, is gone (B42)."""
    runs = list(Run.objects.active().filter(viewer_until__lt=clock.now(), stop_requested_at=None))
    for run in runs:
        request_stop(run, None, StopReason.VIEWER_LEFT)
    return len(runs)
