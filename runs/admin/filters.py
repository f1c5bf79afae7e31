"""Filters of the list of runs: the questions that operators ask."""

from datetime import timedelta

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from runs.errors import RunError
from runs.models import Run
from runs.states import ACTIVE, Status
from streams.models import LoggedEvent

PERIODS = {"60": "1 minute", "300": "5 minutes", "3600": "1 hour"}  # s


class ChoiceFilter(admin.SimpleListFilter):
    """A filter with fixed options; any other value in the address filters nothing."""

    template = "admin/runs/run/filter.html"
    options: dict[str, str] = {}

    def lookups(self, request, model_admin):
        return list(self.options.items())

    def queryset(self, request, queryset):
        return self.narrow(queryset, self.value()) if self.value() in self.options else queryset

    def narrow(self, runs: QuerySet[Run], value: str) -> QuerySet[Run]:
        raise NotImplementedError


def _ago(seconds: str):
    return timezone.now() - timedelta(seconds=int(seconds))


class RunningLonger(ChoiceFilter):
    title, parameter_name, options = "Running for longer than …?", "running_for", PERIODS

    def narrow(self, runs, value):
        return runs.filter(status=Status.RUNNING, started_at__lt=_ago(value))


class SilentFor(ChoiceFilter):
    """Running without new events: the upstream is stuck, or the writer is."""

    title, parameter_name, options = "No token for …?", "silent_for", PERIODS

    def narrow(self, runs, value):
        last = LoggedEvent.objects.filter(stream=OuterRef("pk")).order_by("-seq").values("at")[:1]
        return runs.filter(status=Status.RUNNING).alias(last_at=Subquery(last)).filter(last_at__lt=_ago(value))


class WaitingFor(ChoiceFilter):
    """Not taken by a worker. Runs that wait behind another run of their session do not count."""

    title, parameter_name = "Waiting for a worker for longer than …?", "waiting_for"
    options = {"10": "10 seconds"} | PERIODS

    def narrow(self, runs, value):
        return runs.dispatched().filter(dispatched_at__lt=_ago(value))


class StoppedBy(ChoiceFilter):
    title, parameter_name = "Stopped by?", "stopped_by"
    options = {"owner": "its owner", "other": "another user", "nobody": "no user"}

    def narrow(self, runs, value):
        stopped = runs.filter(status=Status.STOPPED)
        if value == "nobody":  # the page of an attached run was left, or its user is gone
            return stopped.filter(stop_requested_by=None)
        by_owner = {"stop_requested_by": F("session__owner")}
        requested = stopped.filter(stop_requested_by__isnull=False)
        return requested.filter(**by_owner) if value == "owner" else requested.exclude(**by_owner)


class StopPending(ChoiceFilter):
    title, parameter_name, options = "Stop requested, but still active?", "stop_pending", {"yes": "yes"}

    def narrow(self, runs, value):
        return runs.filter(status__in=ACTIVE, stop_requested_at__isnull=False)


class FailedWith(ChoiceFilter):
    title, parameter_name = "Failed with which code?", "failed_with"

    @property
    def options(self):
        return {code: code for code in sorted({error.code for error in _all_errors(RunError)})}

    def narrow(self, runs, value):
        return runs.filter(status=Status.FAILED, code=value)


def _all_errors(base: type[RunError]) -> set[type[RunError]]:
    return {base}.union(*map(_all_errors, base.__subclasses__()))


FILTERS = [RunningLonger, SilentFor, WaitingFor, StopPending, StoppedBy, FailedWith]
