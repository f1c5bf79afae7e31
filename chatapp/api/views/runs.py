"""Runs: list, read, stop, regenerate, continue."""

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.accounts.throttles import RUNS
from chatapp.api.operations import operation
from chatapp.api.serializers.chats import AgainSerializer
from chatapp.api.serializers.runs import (
    AcceptedSerializer,
    RunDetailSerializer,
    RunSerializer,
    RunsQuery,
    StopSerializer,
)
from chatapp.api.views.endpoint import RunEndpoint, accepted_response
from chatapp.api.views.messages import RUN_ERRORS
from runs.actions import answer_again, continue_answer
from runs.errors import NothingToContinue, StillQueued
from runs.lifecycle.stop import request_stop
from runs.models import Run
from runs.states import ACTIVE, FINAL, Trigger


class Runs(RunEndpoint):
    serializer_class = RunSerializer

    @operation("list_runs", "List runs, newest first", RunSerializer, query=RunsQuery, is_list=True)
    def get(self, request: Request) -> Response:
        """Your own, however they were started."""
        query = self.validated_query(request)
        return self.list_response(request, _filtered(self.get_queryset(), query), ["-id"], query["limit"])


class RunDetail(RunEndpoint):
    serializer_class = RunDetailSerializer

    @operation("read_run", "Read a run with its text so far", RunDetailSerializer)
    def get(self, request: Request, pk) -> Response:
        """To follow it live, read its events."""
        return Response(self.get_serializer(self.get_object()).data)


class Stop(RunEndpoint):
    serializer_class = StopSerializer

    @operation("stop_run", "Stop a run", StopSerializer, status=[200, 202])
    def post(self, request: Request, pk) -> Response:
        """202 if it is `stopping`, or was `stopped` by this request; 200 if it had ended before. The text is kept."""
        run = self.get_object()
        state = request_stop(run, by=request.user)
        if state != "already_final":
            return Response({"state": state}, status=202)
        run.refresh_from_db(fields=["status"])
        return Response({"state": state, "status": run.status})


class Again(RunEndpoint):
    serializer_class = AgainSerializer
    throttle_scopes = {"POST": RUNS}

    @operation(
        "answer_again",
        "Regenerate or retry: another answer to the same question",
        AcceptedSerializer,
        status=202,
        body=AgainSerializer,
        once=True,
        errors=[*RUN_ERRORS, StillQueued],
    )
    def post(self, request: Request, pk) -> Response:
        """The earlier answer is kept as another version."""
        answer, body = self.get_object().message, self.validated_body(request)
        options = {"user": request.user, "trigger": Trigger.API} | body
        return accepted_response(self.create_once(request, body, lambda: answer_again(answer, **options)))


class Continue(RunEndpoint):
    throttle_scopes = {"POST": RUNS}

    @operation(
        "continue_run",
        "Continue the answer in the same message",
        AcceptedSerializer,
        status=202,
        once=True,
        errors=[*RUN_ERRORS, NothingToContinue],
    )
    def post(self, request: Request, pk) -> Response:
        """Starts a new run of the same model."""
        answer = self.get_object().message
        return accepted_response(
            self.create_once(request, None, lambda: continue_answer(answer, user=request.user, trigger=Trigger.API))
        )


def _filtered(runs: QuerySet[Run], query: dict) -> QuerySet[Run]:
    names = {"session": "session_id", "status": "status", "trigger": "trigger", "model": "model__name"}
    runs = runs.filter(**{names[name]: value for name, value in query.items() if name in names})
    if (active := query.get("active")) is not None:
        runs = runs.filter(status__in=ACTIVE if active else FINAL)
    return runs
