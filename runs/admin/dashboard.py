"""The cards and charts above the list of runs. Current numbers are read each time, the last day's once a minute."""

from typing import NamedTuple

from django.core.cache import cache
from django.urls import reverse
from django.utils.timezone import localtime

from runs.queries import statistics
from runs.queries.statistics import Hour
from runs.states import Status

KEPT_SECONDS = 60  # s for which a process caches the numbers of the last day
WIDTH, HEIGHT, BAR = 720, 120, 30  # of a chart and of one of its 24 hours, in the SVG's own units

ENDS = [Status.COMPLETED, Status.STOPPED, Status.FAILED, Status.LOST, Status.RUNNING, Status.QUEUED]


class Card(NamedTuple):
    name: str
    value: str
    link: str = ""


class Bar(NamedTuple):
    kind: str
    x: float
    y: float
    width: float
    height: float
    label: str


class Chart(NamedTuple):
    """A chart as shapes of an SVG; the bars' labels are its text alternative."""

    title: str
    most: str
    bars: list[Bar]
    legend: list[str]
    hours: list[tuple[float, str]]


def overview() -> dict:
    hours = cache.get_or_set("runs.last_hours", statistics.last_hours, KEPT_SECONDS)
    return {
        "cards": _cards(hours),
        "charts": [_outcomes(hours), _first_tokens(hours)],
        "width": WIDTH,
        "height": HEIGHT,
    }


def _cards(hours: list[Hour]) -> list[Card]:
    active, ends = statistics.active_now(), statistics.total(hours)
    waits = [seconds for hour in hours for seconds in hour.first_tokens]
    rate = statistics.failure_rate(ends)
    p50, p95 = statistics.percentile(waits, 0.5), statistics.percentile(waits, 0.95)
    return [
        Card("running", f"{active[Status.RUNNING]:,}", _list_of(Status.RUNNING)),
        Card("queued", f"{active[Status.QUEUED]:,}", _list_of(Status.QUEUED)),
        Card("lost in 24 hours", f"{ends[Status.LOST]:,}", _list_of(Status.LOST)),
        Card("failed or lost in 24 hours", "–" if rate is None else f"{rate:.1%}", _list_of(Status.FAILED)),
        Card("to first token, p50", _seconds(p50)),
        Card("to first token, p95", _seconds(p95)),
    ]


def _list_of(status: Status) -> str:
    return reverse("admin:runs_run_changelist", query={"status__exact": status.value})


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"


def _outcomes(hours: list[Hour]) -> Chart:
    """A stack for each hour: how the runs ended that were requested in it."""
    most = max(sum(hour.ends.values()) for hour in hours) or 1
    bars = []
    for index, hour in enumerate(hours):
        top = float(HEIGHT)
        for status in ENDS:
            if count := hour.ends[status]:
                height = count / most * HEIGHT
                top -= height
                bars.append(_bar(index, status, top, height, hour, f"{count:,} {status}"))
    return Chart("Runs an hour, by how they ended", f"{most:,}", bars, [str(status) for status in ENDS], _marks(hours))


def _first_tokens(hours: list[Hour]) -> Chart:
    """The 95th percentile behind the median."""
    shares = {"p95": 0.95, "p50": 0.5}
    most = max((statistics.percentile(hour.first_tokens, 0.95) or 0 for hour in hours), default=0) or 1
    bars = []
    for index, hour in enumerate(hours):
        for kind, share in shares.items():
            seconds = statistics.percentile(hour.first_tokens, share)
            if seconds is not None:
                height = seconds / most * HEIGHT
                bars.append(_bar(index, kind, HEIGHT - height, height, hour, f"{kind} {seconds:.2f} s"))
    return Chart("Time to first token", f"{most:.2f} s", bars, list(shares), _marks(hours))


def _bar(index: int, kind: str, top: float, height: float, hour: Hour, text: str) -> Bar:
    when = f"{localtime(hour.begin):%H:%M}"
    return Bar(kind, index * BAR + 2, round(top, 1), BAR - 4, round(height, 1), f"{when}: {text}")


def _marks(hours: list[Hour]) -> list[tuple[float, str]]:
    return [(index * BAR, f"{localtime(hour.begin):%H}") for index, hour in enumerate(hours) if index % 4 == 0]
