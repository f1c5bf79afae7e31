"""The list's filters: questions that somebody asks who looks after the site."""

from datetime import timedelta

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from runs.errors import RunError
from runs.models import Run
from runs.states import ACTIVE, Status
from streams.models import LoggedEvent

PERIODS = {"60": "1 minute", "300": "5 minutes", "3600": "1 hour"}  # s


class Question(admin.SimpleListFilter):
    template = "admin/runs/run/question.html"
    answers: dict[str, str] = {}

    def lookups(self, request, model_admin):
        return list(self.answers.items())

    def queryset(self, request, queryset):
        return self.narrow(queryset, self.value()) if self.value() in self.answers else queryset

    def narrow(self, runs: QuerySet[Run], answer: str) -> QuerySet[Run]:
        raise NotImplementedError


def _ago(seconds: str):
    return timezone.now() - timedelta(seconds=int(seconds))


class RunningLonger(Question):
    title, parameter_name, answers = "Running for longer than …?", "running_for", PERIODS

    def narrow(self, runs, answer):
        return runs.filter(status=Status.RUNNING, started_at__lt=_ago(answer))


class SilentFor(Question):
    """Runs that go on without saying anything: the upstream is stuck, or the writer is."""

    title, parameter_name, answers = "No token for …?", "silent_for", PERIODS

    def narrow(self, runs, answer):
        last = LoggedEvent.objects.filter(stream=OuterRef("pk")).order_by("-seq").values("at")[:1]
        return runs.filter(status=Status.RUNNING).alias(said_at=Subquery(last)).filter(said_at__lt=_ago(answer))


class WaitingFor(Question):
    """Runs that no worker takes. Those that wait behind another run of their session do not count."""

    title, parameter_name = "Waiting for a worker for longer than …?", "waiting_for"
    answers = {"10": "10 seconds"} | PERIODS

    def narrow(self, runs, answer):
        return runs.dispatched().filter(dispatched_at__lt=_ago(answer))


class StoppedBy(Question):
    title, parameter_name = "Stopped by whom?", "stopped_by"
    answers = {"owner": "its owner", "other": "somebody else", "nobody": "no person"}

    def narrow(self, runs, answer):
        stopped = runs.filter(status=Status.STOPPED)
        if answer == "nobody":  # the page of an attached run was left, or its user is gone
            return stopped.filter(stop_requested_by=None)
        by_owner = {"stop_requested_by": F("session__owner")}
        asked = stopped.filter(stop_requested_by__isnull=False)
        return asked.filter(**by_owner) if answer == "owner" else asked.exclude(**by_owner)


class StopPending(Question):
    title, parameter_name, answers = "Asked to stop, and still going?", "stop_pending", {"yes": "yes"}

    def narrow(self, runs, answer):
        return runs.filter(status__in=ACTIVE, stop_requested_at__isnull=False)


class FailedWith(Question):
    title, parameter_name = "Failed with which code?", "failed_with"

    @property
    def answers(self):
        return {code: code for code in sorted({error.code for error in _all_errors(RunError)})}

    def narrow(self, runs, answer):
        return runs.filter(status=Status.FAILED, code=answer)


def _all_errors(base: type[RunError]) -> set[type[RunError]]:
    return {base}.union(*map(_all_errors, base.__subclasses__()))


QUESTIONS = [RunningLonger, SilentFor, WaitingFor, StopPending, StoppedBy, FailedWith]
