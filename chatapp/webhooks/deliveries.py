"""Create one delivery for each ended run and each endpoint subscribed to it.

The process that ended the run creates the deliveries; if it dies in between, the sweep does. Both may happen: the
unique constraint allows one delivery. Panes of comparisons are excluded, as they are from the API: a message reveals
its model (B45).
"""

import json
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.dispatch import receiver
from django.utils import timezone

from chatapp.webhooks.models import RUN_FINAL, Delivery, Endpoint, State
from runs import clock
from runs.lifecycle import dispatch
from runs.models import Run
from runs.signals import ended
from runs.states import FINAL, LogKept

SEND_DUE = "chatapp.webhooks.tasks.send_due"
SWEEP_MARGIN = timedelta(minutes=10)  # more than the difference of clocks plus the longest transaction
SWEEP_RUNS = 500  # of an endpoint per sweep; the next one continues
KEPT_DAYS = 30  # days to keep finished deliveries


@receiver(ended, dispatch_uid="webhooks.ended")
def create_on_end(run_id: UUID, **kwargs) -> None:
    endpoints = Endpoint.objects.filter(is_enabled=True, owner__chat_sessions__runs=run_id)
    count = sum(create(endpoint, _reported_runs().filter(pk=run_id)) for endpoint in endpoints)
    if count:
        dispatch.send_soon(SEND_DUE)


def create(endpoint: Endpoint, runs: Iterable[Run]) -> int:
    """Create an endpoint's deliveries of the runs it is subscribed to. Returns the number of those runs."""
    subscribed = [run for run in runs if run.status in endpoint.ends and run.finished_at >= endpoint.enabled_at]
    deliveries = [
        Delivery(endpoint=endpoint, run=run.pk, payload=payload_of(run), next_attempt_at=clock.now())
        for run in subscribed
    ]
    Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    return len(subscribed)


def _reported_runs() -> QuerySet[Run]:
    runs = Run.objects.filter(session__is_listed=True, status__in=FINAL)
    return runs.select_related("model", "session")


def payload_of(run: Run) -> str:
    """The payload: which run, and how it ended. Contains no text, which requires a token."""
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
    """Create deliveries that a crashed process left out. Returns their number."""
    return sum(_sweep(endpoint) for endpoint in Endpoint.objects.filter(is_enabled=True))


def _sweep(endpoint: Endpoint) -> int:
    now = clock.read()
    since = max(endpoint.swept_until - SWEEP_MARGIN, endpoint.enabled_at)
    ended_since = _reported_runs().filter(
        session__owner=endpoint.owner_id,
        log_kept__in=LogKept.values,  # all values: the index starts with this column
        finished_at__gte=since,
        status__in=endpoint.ends,
    )
    delivered = Delivery.objects.filter(endpoint=endpoint, run=OuterRef("pk"))
    undelivered = list(ended_since.exclude(Exists(delivered)).order_by("finished_at")[:SWEEP_RUNS])
    count = create(endpoint, undelivered)
    if len(undelivered) < SWEEP_RUNS:
        Endpoint.objects.filter(pk=endpoint.pk).update(swept_until=now)
    return count


def delete_old() -> None:
    """Delete deliveries that finished long ago."""
    long_ago = timezone.now() - timedelta(days=KEPT_DAYS)
    Delivery.objects.filter(created_at__lt=long_ago).exclude(state=State.PENDING).delete()
