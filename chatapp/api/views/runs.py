"""Runs: look for them, look at one, stop it, go on from it."""

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.accounts.throttles import RUNS
from chatapp.api.operations import operation
from chatapp.api.serializers.chats import AgainSerializer
from chatapp.api.serializers.runs import (
    AcceptedSerializer,
    RunDetailSerializer,
    RunsAsked,
    RunSerializer,
    StopSerializer,
)
from chatapp.api.views.endpoint import OfRun, accepted
from chatapp.api.views.messages import OF_ASKING
from runs.actions import answer_again, go_on
from runs.errors import NothingToContinue, StillQueued
from runs.lifecycle.stop import request_stop
from runs.models import Run
from runs.states import ACTIVE, FINAL, Trigger


class Runs(OfRun):
    serializer_class = RunSerializer
    asked_class = RunsAsked

    @operation("list_runs", "The runs, the newest first", RunSerializer, asks=RunsAsked, is_list=True)
    def get(self, request: Request) -> Response:
        asked = self.asked(request)
        return self.listed(request, _found(self.get_queryset(), asked), ["-id"], asked["limit"])


class RunDetail(OfRun):
    serializer_class = RunDetailSerializer

    @operation("read_run", "Read a run, with what it has written so far", RunDetailSerializer)
    def get(self, request: Request, pk) -> Response:
        return Response(self.get_serializer(self.get_object()).data)


class Stop(OfRun):
    serializer_class = StopSerializer

    @operation("stop_run", "Stop a run", StopSerializer, status=[200, 202])
    def post(self, request: Request, pk) -> Response:
        """202 while it is `stopping`, or `stopped` by this; 200 when it had ended before. The text stays."""
        run = self.get_object()
        state = request_stop(run, by=request.user)
        if state != "already_final":
            return Response({"state": state}, status=202)
        run.refresh_from_db(fields=["status"])
        return Response({"state": state, "status": run.status})


class Again(OfRun):
    serializer_class = AgainSerializer
    throttle_scopes = {"POST": RUNS}

    @operation(
        "answer_again",
        "Regenerate or retry: another answer to the same question",
        AcceptedSerializer,
        status=202,
        takes=AgainSerializer,
        once=True,
        errors=[*OF_ASKING, StillQueued],
    )
    def post(self, request: Request, pk) -> Response:
        answer, taken = self.get_object().message, self.taken(request)
        asking = {"user": request.user, "trigger": Trigger.API} | taken
        return accepted(self.once(request, taken, lambda: answer_again(answer, **asking)))


class Continue(OfRun):
    throttle_scopes = {"POST": RUNS}

    @operation(
        "continue_run",
        "Go on in the same message",
        AcceptedSerializer,
        status=202,
        once=True,
        errors=[*OF_ASKING, NothingToContinue],
    )
    def post(self, request: Request, pk) -> Response:
        """A new run, by the same model."""
        answer = self.get_object().message
        return accepted(self.once(request, None, lambda: go_on(answer, user=request.user, trigger=Trigger.API)))


def _found(runs: QuerySet[Run], asked: dict) -> QuerySet[Run]:
    names = {"session": "session_id", "status": "status", "trigger": "trigger", "model": "model__name"}
    runs = runs.filter(**{names[name]: value for name, value in asked.items() if name in names})
    if (active := asked.get("active")) is not None:
        runs = runs.filter(status__in=ACTIVE if active else FINAL)
    return runs
