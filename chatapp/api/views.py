"""The endpoints: sessions, their messages, runs and their events.

What is another user's is answered like what does not exist (B55).
"""

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException, MethodNotAllowed
from rest_framework.generics import CreateAPIView, GenericAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.api.authentication import viewer
from chatapp.api.errors import plain_response, problem_response
from chatapp.api.serializers import MessageSerializer, RunSerializer, SendSerializer, SessionSerializer
from chatapp.chats.models import Session
from runs.actions import send
from runs.errors import BrokerUnavailable
from runs.lifecycle import request_stop
from runs.models import Run
from runs.states import Trigger
from streams.access import identify
from streams.sse import event_stream


class Endpoint(GenericAPIView):
    def initial(self, request: Request, *args, **kwargs) -> None:
        super().initial(request, *args, **kwargs)
        # A body sent in chunks has no length, and the framework would take it for none at all.
        if "CONTENT_LENGTH" not in request.META and "HTTP_TRANSFER_ENCODING" in request.META:
            request.META["CONTENT_LENGTH"] = str(len(request.body))


class Sessions(Endpoint, CreateAPIView):
    serializer_class = SessionSerializer

    def perform_create(self, serializer: SessionSerializer) -> None:
        serializer.save(owner=self.request.user)


class Messages(Endpoint):
    """Send a message: 202 with the run that answers it."""

    serializer_class = SendSerializer

    def get_queryset(self):
        return Session.objects.visible_to(self.request.user)

    def post(self, request: Request, pk) -> Response:
        session = self.get_object()
        sent = self.get_serializer(data=request.data)
        sent.is_valid(raise_exception=True)
        run = send(session, user=request.user, trigger=Trigger.API, **sent.validated_data)
        answered_by = RunSerializer(run).data
        if run.code == BrokerUnavailable.code:  # the message is kept, and the run with it
            return problem_response(BrokerUnavailable(), run=answered_by)
        body = {"message": MessageSerializer(run.message.parent).data, "run": answered_by}
        return Response(body, status=202, headers={"Location": reverse("api:run", args=[run.pk])})


class _Runs(Endpoint):
    def get_queryset(self):
        runs = Run.objects.visible_to(self.request.user)
        return runs.select_related("model", "message", "stop_requested_by")


class RunDetail(_Runs, RetrieveAPIView):
    serializer_class = RunSerializer


class Stop(_Runs):
    """Stop a run: 202 while it is `stopping` or `stopped` by this, 200 when it had ended before (B38)."""

    def post(self, request: Request, pk) -> Response:
        run = self.get_object()
        state = request_stop(run, by=request.user)
        if state != "already_final":
            return Response({"state": state}, status=202)
        run.refresh_from_db(fields=["status"])
        return Response({"state": state, "status": run.status})


class Missing(Endpoint):
    """Every other address below /api/."""

    def initial(self, request: Request, *args, **kwargs) -> None:
        super().initial(request, *args, **kwargs)
        raise Http404


@csrf_exempt  # no cookie is looked at
async def events(request: HttpRequest, pk) -> HttpResponseBase:
    """The run's stream as server-sent events. Not the framework's view: that one cannot be `async`."""
    try:
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed(request.method)
        return await event_stream(request, await identify(viewer, request), pk)
    except (APIException, Http404) as refusal:
        return plain_response(refusal)
