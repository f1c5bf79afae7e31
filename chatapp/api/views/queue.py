"""What waits in a session while an answer is being written (B18)."""

from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.accounts.throttles import RUNS
from chatapp.api.operations import operation
from chatapp.api.serializers.chats import TextSerializer
from chatapp.api.serializers.runs import AcceptedSerializer, QueueSerializer, WaitingSerializer
from chatapp.api.views.endpoint import OfRun, OfSession, accepted
from chatapp.chats.models import Session
from runs.errors import BrokerUnavailable, NotQueued, PromptEmpty, PromptTooLong
from runs.lifecycle import queue


class Queue(OfSession):
    @operation("read_queue", "What waits in a session, the next one first", QueueSerializer)
    def get(self, request: Request, pk) -> Response:
        return Response(_queue_of(self.get_object()))

    @operation("clear_queue", "Discard what waits in a session", status=204)
    def delete(self, request: Request, pk) -> Response:
        queue.clear(self.get_object(), by=request.user)
        return Response(status=204)


class Release(OfSession):
    @operation("release_queue", "Let a held queue go on: what still waits then", QueueSerializer, status=202)
    def post(self, request: Request, pk) -> Response:
        session = self.get_object()
        queue.release(session)
        session.refresh_from_db(fields=["is_queue_held"])
        return Response(_queue_of(session), status=202)


class Waiting(OfRun):
    """A message in the queue."""

    serializer_class = TextSerializer

    @operation(
        "change_waiting",
        "Change the text of a message that waits",
        WaitingSerializer,
        takes=TextSerializer,
        errors=[NotQueued, PromptEmpty, PromptTooLong],
    )
    def patch(self, request: Request, pk) -> Response:
        run = self.get_object()
        queue.edit(run, **self.taken(request))
        run.message.parent.refresh_from_db(fields=["content"])
        return Response(WaitingSerializer(run).data)

    @operation("remove_waiting", "Take a message out of the queue", status=204, errors=[NotQueued])
    def delete(self, request: Request, pk) -> Response:
        """As if it had not been sent."""
        queue.remove(self.get_object(), by=request.user)
        return Response(status=204)


class SendNow(OfRun):
    throttle_scopes = {"POST": RUNS}

    @operation(
        "send_now",
        "Send a message that waits now",
        AcceptedSerializer,
        status=202,
        once=True,
        errors=[NotQueued, BrokerUnavailable],
    )
    def post(self, request: Request, pk) -> Response:
        """At once, or when the running answer has been stopped for it."""
        run = self.get_object()

        def send_now():
            queue.send_now(run, by=request.user)
            return run

        return accepted(self.once(request, None, send_now))


def _queue_of(session: Session) -> dict:
    return QueueSerializer({"held": session.is_queue_held, "items": queue.waiting(session)}).data
