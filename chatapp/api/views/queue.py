"""The queue of a session: messages that wait for the current answer (B18)."""

from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.accounts.throttles import RUNS
from chatapp.api.operations import operation
from chatapp.api.serializers.chats import TextSerializer
from chatapp.api.serializers.runs import AcceptedSerializer, QueueSerializer, WaitingSerializer
from chatapp.api.views.endpoint import RunEndpoint, SessionEndpoint, accepted_response
from chatapp.chats.models import Session
from runs.errors import BrokerUnavailable, NotQueued, PromptEmpty, PromptTooLong
from runs.lifecycle import queue


class Queue(SessionEndpoint):
    @operation("read_queue", "Read the queue of a session, next message first", QueueSerializer)
    def get(self, request: Request, pk) -> Response:
        """Messages that wait for the current answer."""
        return Response(_queue_of(self.get_object()))

    @operation("clear_queue", "Remove all messages from the queue", status=204)
    def delete(self, request: Request, pk) -> Response:
        """The messages are deleted. The current answer goes on."""
        queue.clear(self.get_object(), by=request.user)
        return Response(status=204)


class Release(SessionEndpoint):
    @operation("release_queue", "Resume a held queue", QueueSerializer, status=202)
    def post(self, request: Request, pk) -> Response:
        """The next message starts at once unless an answer is in progress."""
        session = self.get_object()
        queue.release(session)
        session.refresh_from_db(fields=["is_queue_held"])
        return Response(_queue_of(session), status=202)


class Waiting(RunEndpoint):
    """A message in the queue."""

    serializer_class = TextSerializer

    @operation(
        "change_waiting",
        "Edit a queued message",
        WaitingSerializer,
        body=TextSerializer,
        errors=[NotQueued, PromptEmpty, PromptTooLong],
    )
    def patch(self, request: Request, pk) -> Response:
        """Possible until its turn comes."""
        run = self.get_object()
        queue.edit(run, **self.validated_body(request))
        run.message.parent.refresh_from_db(fields=["content"])
        return Response(WaitingSerializer(run).data)

    @operation("remove_waiting", "Remove a message from the queue", status=204, errors=[NotQueued])
    def delete(self, request: Request, pk) -> Response:
        """The message is deleted."""
        queue.remove(self.get_object(), by=request.user)
        return Response(status=204)


class SendNow(RunEndpoint):
    throttle_scopes = {"POST": RUNS}

    @operation(
        "send_now",
        "Send a queued message now",
        AcceptedSerializer,
        status=202,
        once=True,
        errors=[NotQueued, BrokerUnavailable],
    )
    def post(self, request: Request, pk) -> Response:
        """Starts immediately, or once the running answer has been stopped for it."""
        run = self.get_object()

        def send_now():
            queue.send_now(run, by=request.user)
            return run

        return accepted_response(self.create_once(request, None, send_now))


def _queue_of(session: Session) -> dict:
    return QueueSerializer({"held": session.is_queue_held, "items": queue.waiting(session)}).data
