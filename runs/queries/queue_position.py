"""How many answers are ahead of one that waits for a worker, announced to its owner for as long as it waits."""

from collections import defaultdict

from runs.models import Run
from runs.session_feed import positions_changed
from runs.states import Status

MAX_ANNOUNCED = 2_000  # the first in the queue; those behind them are announced when they get closer


def ahead_of(run: Run) -> int:
    """The number of answers, of all users, that have been waiting for a worker longer than this one."""
    if run.status != Status.QUEUED or run.dispatched_at is None:
        return 0
    return _waiting().filter(dispatched_at__lt=run.dispatched_at).count()


def announce_positions() -> int:
    """Announce to each owner of waiting answers how many are ahead of each. Returns the number of waiting answers."""
    waiting = _waiting().order_by("dispatched_at").values_list("id", "session__owner_id")[:MAX_ANNOUNCED]
    positions = defaultdict(dict)
    for ahead, (run_id, owner_id) in enumerate(waiting):
        positions[owner_id][str(run_id)] = ahead
    for owner_id, ahead in positions.items():
        positions_changed(owner_id, ahead)
    return sum(len(ahead) for ahead in positions.values())


def _waiting():
    return Run.objects.filter(status=Status.QUEUED, dispatched_at__isnull=False)
