"""Each end of a run becomes one delivery for each endpoint that wants to hear of it.

Told when the run has ended, by the process that ended it; should that one die in between, the sweep finds the run.
Both may come: the unique constraint lets one delivery be. Panes of a comparison are not told, as the API does not tell
of them either: a message names its model (B45).
"""

import json
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.dispatch import receiver
from django.utils import timezone

from chatapp.webhooks.models import RUN_FINAL, Delivery, Endpoint, State
from runs.lifecycle import dispatch
from runs.models import Run
from runs.signals import ended
from runs.states import FINAL, LogKept

SEND_DUE = "chatapp.webhooks.tasks.send_due"
SWEEP_MARGIN = timedelta(minutes=10)  # more than clocks differ and a transaction takes
SWEEP_RUNS = 500  # of an endpoint at once; the next sweep goes on
KEPT_DAYS = 30  # days for which what has become of a delivery is kept


@receiver(ended, dispatch_uid="webhooks.ended")
def tell(run_id: UUID, **kwargs) -> None:
    endpoints = Endpoint.objects.filter(is_enabled=True, owner__chat_sessions__runs=run_id)
    made = sum(fire(endpoint, _told().filter(pk=run_id)) for endpoint in endpoints)
    if made:
        dispatch.send_soon(SEND_DUE)


def fire(endpoint: Endpoint, runs: Iterable[Run]) -> int:
    """Make the deliveries of these runs for an endpoint, where it wants them. Returns how many it wants."""
    wanted = [run for run in runs if run.status in endpoint.ends and run.finished_at >= endpoint.enabled_at]
    deliveries = [Delivery(endpoint=endpoint, run=run.pk, payload=payload_of(run)) for run in wanted]
    Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    return len(wanted)


def _told() -> QuerySet[Run]:
    runs = Run.objects.filter(session__is_listed=True, status__in=FINAL)
    return runs.select_related("model", "session")


def payload_of(run: Run) -> str:
    """The payload: which run, and how it ended, without any text. Text is for holders of a token."""
    data = {
        "run": str(run.pk),
        "session": str(run.session_id),
        "message": str(run.message_id),
        "trigger": run.trigger,
        "model": run.model.name if run.model else None,
        "status": run.status,
        "reason": run.reason or None,
        "code": run.code or None,
        "finish_reason": run.finish_reason or None,
        "last_seq": run.last_seq,
        "usage": _usage_of(run),
        "queued_at": run.queued_at.isoformat(),
        "started_at": run.started_at and run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat(),
    }
    return json.dumps({"type": RUN_FINAL, "timestamp": run.finished_at.isoformat(), "data": data})


def _usage_of(run: Run) -> dict[str, int | None] | None:
    if run.prompt_tokens is None and run.completion_tokens is None:
        return None
    return {"prompt_tokens": run.prompt_tokens, "completion_tokens": run.completion_tokens}


def sweep() -> int:
    """Make the deliveries that a process that died has not made. Returns how many."""
    return sum(_sweep(endpoint) for endpoint in Endpoint.objects.filter(is_enabled=True))


def _sweep(endpoint: Endpoint) -> int:
    now = timezone.now()
    since = max(endpoint.swept_until - SWEEP_MARGIN, endpoint.enabled_at)
    ended_since = _told().filter(
        session__owner=endpoint.owner_id,
        log_kept__in=LogKept.values,  # all there are: it is what the index begins with
        finished_at__gte=since,
        status__in=endpoint.ends,
    )
    delivered = Delivery.objects.filter(endpoint=endpoint, run=OuterRef("pk"))
    left = list(ended_since.exclude(Exists(delivered)).order_by("finished_at")[:SWEEP_RUNS])
    made = fire(endpoint, left)
    if len(left) < SWEEP_RUNS:
        Endpoint.objects.filter(pk=endpoint.pk).update(swept_until=now)
    return made


def forget() -> None:
    """Delete what was delivered, or given up, long ago."""
    long_ago = timezone.now() - timedelta(days=KEPT_DAYS)
    Delivery.objects.filter(created_at__lt=long_ago).exclude(state=State.PENDING).delete()
