"""Sums over recent runs: for the admin's cards and charts, and for the metrics."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber, TruncHour
from django.utils import timezone

from runs.models import Run
from runs.states import FINAL, Status

HOURS = 24
SAMPLED_RUNS = 200  # the newest of each hour, for its percentiles: 24 × 200 rows are read at most


@dataclass
class Hour:
    """The runs that were requested within one hour."""

    begin: datetime
    ends: Counter[str] = field(default_factory=Counter)  # status -> runs
    first_tokens: list[float] = field(default_factory=list)  # s from the start to the first token, sampled


def active_now() -> dict[str, int]:
    """Number of runs by status: queued and running."""
    rows = Run.objects.active().order_by().values_list("status").annotate(count=Count("*"))
    return {Status.QUEUED: 0, Status.RUNNING: 0} | dict(rows)


def last_hours(now: datetime | None = None) -> list[Hour]:
    """The last HOURS hours, the current one last. Two queries, both along the index of `queued_at`."""
    this_hour = (now or timezone.now()).replace(minute=0, second=0, microsecond=0)
    hours = {this_hour - timedelta(hours=back): None for back in range(HOURS - 1, -1, -1)}
    hours = {begin: Hour(begin) for begin in hours}
    runs = Run.objects.filter(queued_at__gte=next(iter(hours)))
    by_hour = runs.annotate(hour=TruncHour("queued_at", tzinfo=this_hour.tzinfo)).order_by()
    for begin, status, count in by_hour.values_list("hour", "status").annotate(count=Count("*")):
        if begin in hours:
            hours[begin].ends[status] = count
    for begin, seconds in _sampled(by_hour):
        if begin in hours:
            hours[begin].first_tokens.append(seconds)
    return list(hours.values())


def _sampled(by_hour) -> Iterable[tuple[datetime, float]]:
    newest = Window(RowNumber(), partition_by=F("hour"), order_by=F("queued_at").desc())
    answered = by_hour.filter(first_token_at__isnull=False, started_at__isnull=False)
    rows = answered.annotate(rank=newest).filter(rank__lte=SAMPLED_RUNS)
    for begin, started_at, first_token_at in rows.values_list("hour", "started_at", "first_token_at"):
        yield begin, (first_token_at - started_at).total_seconds()


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value that `share` (0 … 1) of the values do not exceed; None without values."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else None


def total(hours: Iterable[Hour]) -> Counter[str]:
    ends = Counter()
    for hour in hours:
        ends.update(hour.ends)
    return ends


def failure_rate(ends: Counter[str]) -> float | None:
    """Share of the ended runs that failed or were lost; None if none ended. A Stop is not a failure."""
    ended = sum(ends[status] for status in FINAL)
    return (ends[Status.FAILED] + ends[Status.LOST]) / ended if ended else None


def failures(since: datetime) -> dict[str, int]:
    """Number of runs that were requested since then and failed, by code."""
    runs = Run.objects.filter(status=Status.FAILED, queued_at__gte=since).order_by()
    counts = defaultdict(int)
    counts.update(runs.values_list("code").annotate(count=Count("*")))
    return counts
