"""One pane after the other: when an answer has ended, whichever way, the next one begins (B44).

Those that wait are in their sessions' held queues. The end of a run releases the next one; should the process that
ended it die in between, `chatapp.compare.tasks` looks again.
"""

from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.dispatch import receiver
from django.utils import timezone

from chatapp.compare.models import Comparison, Pane
from runs.lifecycle.queue import release
from runs.models import Run
from runs.signals import ended
from runs.states import Status

_held = Q(
    run__status=Status.QUEUED,
    run__task_id=None,
    run__stop_requested_at=None,
    session__is_queue_held=True,
    session__is_listed=False,
)


@receiver(ended, dispatch_uid="compare.ended")
def start_the_next(run_id: UUID, **kwargs) -> None:
    comparison = Comparison.objects.filter(is_sequential=True, panes__run=run_id).first()
    if comparison is not None:
        advance(comparison.pk)


@transaction.atomic
def advance(comparison_id: UUID) -> bool:
    """Release the next pane, unless another one is being answered. Returns whether there was one.

    A pane that no page follows any more is not started: it is about to be stopped.
    """
    Comparison.objects.select_for_update().filter(pk=comparison_id).values_list("pk").first()
    panes = Pane.objects.filter(comparison=comparison_id)
    if Run.objects.under_way().filter(session__pane__in=panes).exists():
        return False
    following = panes.open().filter(_held, run__viewer_until__gt=timezone.now()).order_by("position")
    pane = following.select_related("session").first()
    if pane is not None:
        release(pane.session)
    return pane is not None


def advance_all() -> int:
    """Release what a process that died has left waiting. Returns how many."""
    waiting = Pane.objects.filter(_held, comparison__is_sequential=True)
    comparisons = waiting.values_list("comparison", flat=True).distinct()
    return sum(advance(comparison_id) for comparison_id in list(comparisons))
