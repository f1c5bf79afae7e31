"""Runs: look at one, stop it, follow it, go on from it."""

from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException, MethodNotAllowed
from rest_framework.generics import RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.accounts.authentication import viewer
from chatapp.accounts.throttles import RUNS
from chatapp.api.errors import plain_response
from chatapp.api.serializers import AgainSerializer, RunSerializer
from chatapp.api.views.endpoint import OfRun, accepted
from runs.actions import answer_again, go_on
from runs.lifecycle import request_stop
from runs.states import Trigger
from streams.access import identify
from streams.sse import event_stream


class RunDetail(OfRun, RetrieveAPIView):
    serializer_class = RunSerializer


class Stop(OfRun):
    """Stop a run: 202 while it is `stopping` or `stopped` by this, 200 when it had ended before (B38)."""

    def post(self, request: Request, pk) -> Response:
        run = self.get_object()
        state = request_stop(run, by=request.user)
        if state != "already_final":
            return Response({"state": state}, status=202)
        run.refresh_from_db(fields=["status"])
        return Response({"state": state, "status": run.status})


class Again(OfRun):
    """Regenerate or retry: a new run for another answer to the same question."""

    serializer_class = AgainSerializer
    throttle_scopes = {"POST": RUNS}

    def post(self, request: Request, pk) -> Response:
        answer = self.get_object().message
        return accepted(answer_again(answer, user=request.user, trigger=Trigger.API, **self.taken(request)))


class Continue(OfRun):
    """A new run that goes on in the same message (B39)."""

    throttle_scopes = {"POST": RUNS}

    def post(self, request: Request, pk) -> Response:
        return accepted(go_on(self.get_object().message, user=request.user, trigger=Trigger.API))


@csrf_exempt  # no cookie is looked at
async def events(request: HttpRequest, pk) -> HttpResponseBase:
    """The run's stream as server-sent events. Not the framework's view: that one cannot be `async`."""
    try:
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed(request.method)
        return await event_stream(request, await identify(viewer, request), pk)
    except (APIException, Http404) as refusal:
        return plain_response(refusal)
