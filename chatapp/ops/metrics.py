"""Prometheus metrics, collected at each scrape.

Figures from the database are the same in every web process: active runs, and the counts that each live worker stores
with its lease. Figures of this web process (its followers, the runs it ended) are exported only here: scrape them all.
"""

from collections.abc import Iterable, Iterator

from django.db.models.functions import Now
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from runs import clock
from runs.maintenance.counters import BOUNDS, MAIN, tally
from runs.models import Report, Worker
from runs.queries import statistics
from streams import metrics
from streams.delivery.hub import follower_count

WEB = ("web", "")  # labels of this process's own counts; a worker's are its name and pid

COUNTERS = {
    "batches": ("chatapp_batches", "Committed batches of events"),
    "events": ("chatapp_events", "Committed events"),
    "commit_seconds": ("chatapp_commit_seconds", "Seconds spent committing batches"),
    "fenced": ("chatapp_fenced_writers", "Runs that another process ended while their writer was active"),
    "dropped": ("chatapp_dropped_batches", "Batches that could not be announced; followers read the log instead"),
}
TIMES = {
    "queue_wait": ("chatapp_run_queue_wait_seconds", "Time from the message to the start of its run"),
    "first_token": ("chatapp_run_first_token_seconds", "Time from the start of a run to its first token"),
    "duration": ("chatapp_run_duration_seconds", "Time from the start of a run to its end"),
}
WORKER_LABELS = ["worker", "pid"]


class SiteCollector(Collector):
    def collect(self) -> Iterable[Metric]:
        yield from _now()
        workers = list(Worker.objects.filter(lease_until__gte=Now()).values_list("name", "pid", "pool", "figures"))
        counters = [((name, str(pid)), figures) for name, pid, _, figures in workers]
        yield from _pools(workers)
        yield from _of_workers(counters)
        yield from _of_runs([*counters, *_main_processes({name for name, *_ in workers}), (WEB, tally.figures())])


def _now() -> Iterator[Metric]:
    runs = GaugeMetricFamily("chatapp_runs", "Queued and running runs", labels=["status"])
    for status, count in statistics.active_now().items():
        runs.add_metric([status], count)
    yield runs
    followers = GaugeMetricFamily("chatapp_followers", "Followers of streams in this web process")
    followers.add_metric([], follower_count())
    yield followers
    ages = GaugeMetricFamily(
        "chatapp_report_age_seconds", "Seconds since the last run of a periodic job", labels=["name"]
    )
    open_problems = GaugeMetricFamily("chatapp_heal_open", "Problems found and not repaired by `manage.py heal`")
    now = clock.read()
    for report in Report.objects.exclude(name__startswith=MAIN):
        ages.add_metric([report.name], (now - report.at).total_seconds())
        if report.name == "heal":
            open_problems.add_metric([], report.data.get("open", 0))
    yield from (ages, open_problems)


def _pools(workers: list[tuple]) -> Iterator[Metric]:
    alive = GaugeMetricFamily("chatapp_workers", "Worker processes with a lease", labels=["pool"])
    for pool in sorted({pool for _, _, pool, _ in workers}):
        alive.add_metric([pool], sum(1 for worker in workers if worker[2] == pool))
    yield alive


def _main_processes(alive_workers: set[str]) -> Iterator[tuple[tuple[str, str], dict]]:
    """The main processes of prefork workers, which end the runs of their dead children."""
    for figures in Report.objects.filter(name__startswith=MAIN).values_list("data", flat=True):
        if figures["worker"] in alive_workers:
            yield (figures["worker"], str(figures["pid"])), figures


def _of_workers(counters: list[tuple[tuple[str, str], dict]]) -> Iterator[Metric]:
    active = GaugeMetricFamily("chatapp_worker_active_runs", "Runs that a worker executes", labels=WORKER_LABELS)
    for labels, figures in counters:
        active.add_metric(labels, figures.get("active", 0))
    yield active
    for key, (name, help_text) in COUNTERS.items():
        family = CounterMetricFamily(name, help_text, labels=WORKER_LABELS)
        for labels, figures in counters:
            family.add_metric(labels, figures.get(key, 0))
        yield family


def _of_runs(counters: list[tuple[tuple[str, str], dict]]) -> Iterator[Metric]:
    """Ended runs, by the process that ended them."""
    ended = CounterMetricFamily("chatapp_runs_ended", "Ended runs", labels=["status", *WORKER_LABELS])
    errors = CounterMetricFamily("chatapp_run_errors", "Failed runs", labels=["code", *WORKER_LABELS])
    for labels, figures in counters:
        for status, count in figures.get("ended", {}).items():
            ended.add_metric([status, *labels], count)
        for code, count in figures.get("codes", {}).items():
            errors.add_metric([code, *labels], count)
    yield from (ended, errors)
    for key, (name, help_text) in TIMES.items():
        family = HistogramMetricFamily(name, help_text, labels=WORKER_LABELS)
        for labels, figures in counters:
            if times := figures.get("times", {}).get(key):
                family.add_metric(labels, _cumulated(times["counts"]), times["sum"])
        yield family


def _cumulated(counts: list[int]) -> list[tuple[str, int]]:
    total, buckets = 0, []
    for bound, count in zip([*map(str, BOUNDS), "+Inf"], counts, strict=True):
        total += count
        buckets.append((bound, total))
    return buckets


registry = CollectorRegistry(auto_describe=False)
registry.register(SiteCollector())
for meter in (metrics.fanout_lag, metrics.fell_behind):
    registry.register(meter)
ProcessCollector(namespace="chatapp_web", registry=registry)
