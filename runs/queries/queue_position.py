"""How many answers wait for a worker longer than another one: told to those who wait, for as long as they do."""

from collections import defaultdict

from runs.models import Run
from runs.session_feed import places_changed
from runs.states import Status

MAX_TOLD = 2_000  # the first of those that wait; who is behind them hears of it when it is nearer


def ahead_of(run: Run) -> int:
    """How many answers, of whomever, were given to the workers before this one and wait as well."""
    if run.status != Status.QUEUED or run.dispatched_at is None:
        return 0
    return _waiting().filter(dispatched_at__lt=run.dispatched_at).count()


def tell_places() -> int:
    """Tell each owner of answers that wait how many are ahead of each. Returns how many answers that were."""
    waiting = _waiting().order_by("dispatched_at").values_list("id", "session__owner_id")[:MAX_TOLD]
    places = defaultdict(dict)
    for ahead, (run_id, owner_id) in enumerate(waiting):
        places[owner_id][str(run_id)] = ahead
    for owner_id, ahead in places.items():
        places_changed(owner_id, ahead)
    return sum(len(ahead) for ahead in places.values())


def _waiting():
    return Run.objects.filter(status=Status.QUEUED, dispatched_at__isnull=False)
