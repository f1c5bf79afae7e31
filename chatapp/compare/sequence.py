"""Run sequential comparisons: the end of one answer, however it ends, starts the next (B44).

Waiting runs are in their sessions' held queues. The end of a run releases the next one; if the process dies in between,
the task in `chatapp.compare.tasks` does it.
"""

from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.dispatch import receiver

from chatapp.compare.models import Comparison, Pane
from runs import clock
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
    """Release the next pane, unless one is being answered. Returns whether a pane was released.

    Panes without viewers are not started: they are about to be stopped.
    """
    Comparison.objects.select_for_update().filter(pk=comparison_id).values_list("pk").first()
    panes = Pane.objects.filter(comparison=comparison_id)
    if Run.objects.under_way().filter(session__pane__in=panes).exists():
        return False
    following = panes.open().filter(_held, run__viewer_until__gt=clock.now()).order_by("position")
    pane = following.select_related("session").first()
    if pane is not None:
        release(pane.session)
    return pane is not None


def advance_all() -> int:
    """Release panes left waiting by a crashed process. Returns how many."""
    waiting = Pane.objects.filter(_held, comparison__is_sequential=True)
    comparisons = waiting.values_list("comparison", flat=True).distinct()
    return sum(advance(comparison_id) for comparison_id in list(comparisons))
