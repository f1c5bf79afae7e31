"""What waits in a session while an answer is being written (B18)."""

from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.api.serializers import TextSerializer, WaitingSerializer
from chatapp.api.views.endpoint import OfRun, OfSession, accepted
from chatapp.chats.models import Session
from runs import queueing


class Queue(OfSession):
    """GET lists what waits, DELETE discards it."""

    def get(self, request: Request, pk) -> Response:
        return Response(_queue_of(self.get_object()))

    def delete(self, request: Request, pk) -> Response:
        queueing.clear(self.get_object(), by=request.user)
        return Response(status=204)


class Release(OfSession):
    """Let a held queue go on: 202 with what still waits."""

    def post(self, request: Request, pk) -> Response:
        session = self.get_object()
        queueing.release(session)
        session.refresh_from_db(fields=["is_queue_held"])
        return Response(_queue_of(session), status=202)


class Waiting(OfRun):
    """A message in the queue: PATCH edits its text, DELETE removes it."""

    serializer_class = TextSerializer

    def patch(self, request: Request, pk) -> Response:
        run = self.get_object()
        queueing.edit(run, **self.taken(request))
        run.message.parent.refresh_from_db(fields=["content"])
        return Response(WaitingSerializer(run).data)

    def delete(self, request: Request, pk) -> Response:
        queueing.remove(self.get_object(), by=request.user)
        return Response(status=204)


class SendNow(OfRun):
    """Start a message that waits: at once, or when the running answer has been stopped for it."""

    def post(self, request: Request, pk) -> Response:
        run = self.get_object()
        queueing.send_now(run, by=request.user)
        return accepted(self.get_object())


def _queue_of(session: Session) -> dict:
    items = WaitingSerializer(queueing.waiting(session), many=True).data
    return {"held": session.is_queue_held, "items": items}
