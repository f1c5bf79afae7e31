"""The endpoints: sessions, their messages, runs and their events.

What is another user's is answered like what does not exist (B55).
"""

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException, MethodNotAllowed, ValidationError
from rest_framework.generics import CreateAPIView, GenericAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.api.authentication import viewer
from chatapp.api.errors import plain_response, problem_response
from chatapp.api.serializers import (
    AgainSerializer,
    MessageSerializer,
    RunSerializer,
    SendSerializer,
    SessionSerializer,
    TextSerializer,
)
from chatapp.chats.models import Message, Role, Session
from runs import queueing
from runs.actions import answer_again, delete_session, edit_and_send, go_on, send
from runs.errors import BrokerUnavailable
from runs.lifecycle import request_stop
from runs.models import Run
from runs.states import Trigger
from streams.access import identify
from streams.sse import event_stream

MAX_KEY_CHARACTERS = 64  # of an Idempotency-Key, as Message.key


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
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > MAX_KEY_CHARACTERS:
            raise ValidationError({"Idempotency-Key": [f"At most {MAX_KEY_CHARACTERS} characters."]})
        return _accepted(send(session, user=request.user, trigger=Trigger.API, key=key, **sent.validated_data))


def _accepted(run: Run) -> Response:
    """202 with the question and the run that answers it."""
    answered_by = RunSerializer(run).data
    if run.code == BrokerUnavailable.code:  # the message is kept, and the run with it
        return problem_response(BrokerUnavailable(), run=answered_by)
    body = {"message": MessageSerializer(run.message.parent).data, "run": answered_by}
    return Response(body, status=202, headers={"Location": reverse("api:run", args=[run.pk])})


class SessionDetail(Endpoint):
    """Delete a session: what runs is stopped, and nothing comes back (B40)."""

    def get_queryset(self):
        return Session.objects.visible_to(self.request.user)

    def delete(self, request: Request, pk) -> Response:
        delete_session(self.get_object(), by=request.user)
        return Response(status=204)


class Queue(Endpoint):
    """What waits in a session: GET lists it, DELETE discards it, POST lets a held queue go on."""

    def get_queryset(self):
        return Session.objects.visible_to(self.request.user)

    def get(self, request: Request, pk) -> Response:
        session = self.get_object()
        items = [
            {"run": str(run.pk), "text": run.message.parent.content, "model": run.model and run.model.name}
            for run in queueing.waiting(session)
        ]
        return Response({"held": session.is_queue_held, "items": items})

    def post(self, request: Request, pk) -> Response:
        queueing.release(self.get_object())
        return self.get(request, pk)

    def delete(self, request: Request, pk) -> Response:
        queueing.clear(self.get_object(), by=request.user)
        return Response(status=204)


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


class Waiting(_Runs):
    """A message in the queue: PATCH edits its text, DELETE removes it."""

    serializer_class = TextSerializer

    def patch(self, request: Request, pk) -> Response:
        sent = self.get_serializer(data=request.data)
        sent.is_valid(raise_exception=True)
        queueing.edit(self.get_object(), sent.validated_data["text"])
        return Response(status=204)

    def delete(self, request: Request, pk) -> Response:
        queueing.remove(self.get_object(), by=request.user)
        return Response(status=204)


class SendNow(_Runs):
    """Start a message that waits: at once, or when the running answer has been stopped for it."""

    def post(self, request: Request, pk) -> Response:
        run = self.get_object()
        queueing.send_now(run, by=request.user)
        run.refresh_from_db()
        return Response(RunSerializer(run).data, status=202)


class Again(_Runs):
    """Regenerate or retry: a new run for another answer to the same question."""

    serializer_class = AgainSerializer

    def post(self, request: Request, pk) -> Response:
        sent = self.get_serializer(data=request.data)
        sent.is_valid(raise_exception=True)
        answer = self.get_object().message
        return _accepted(answer_again(answer, user=request.user, trigger=Trigger.API, **sent.validated_data))


class GoOn(_Runs):
    """Continue: a new run that goes on in the same message (B39)."""

    def post(self, request: Request, pk) -> Response:
        return _accepted(go_on(self.get_object().message, user=request.user, trigger=Trigger.API))


class Edit(Endpoint):
    """Send another text in the place of an earlier message; the old branch stays."""

    serializer_class = TextSerializer

    def get_queryset(self):
        return Message.objects.filter(session__in=Session.objects.visible_to(self.request.user), role=Role.USER)

    def post(self, request: Request, pk) -> Response:
        sent = self.get_serializer(data=request.data)
        sent.is_valid(raise_exception=True)
        return _accepted(edit_and_send(self.get_object(), sent.validated_data["text"], user=request.user))


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
