"""Sessions, and the messages that are sent to them."""

from rest_framework.exceptions import ValidationError
from rest_framework.generics import CreateAPIView, RetrieveDestroyAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.accounts.throttles import RUNS
from chatapp.api.serializers import EditSerializer, SendSerializer, SessionSerializer
from chatapp.api.views.endpoint import Endpoint, OfSession, accepted
from chatapp.chats.models import Message, Role, Session
from runs.actions import delete_session, edit_and_send, send
from runs.states import Trigger

KEY_MAX_CHARACTERS = Message._meta.get_field("key").max_length


class Sessions(Endpoint, CreateAPIView):
    serializer_class = SessionSerializer

    def perform_create(self, serializer: SessionSerializer) -> None:
        serializer.save(owner=self.request.user)


class SessionDetail(OfSession, RetrieveDestroyAPIView):
    """A session. DELETE stops what runs, and nothing comes back (B40)."""

    serializer_class = SessionSerializer

    def perform_destroy(self, session: Session) -> None:
        delete_session(session, by=self.request.user)


class Messages(OfSession):
    """Send a message: 202 with the run that answers it."""

    serializer_class = SendSerializer
    throttle_scopes = {"POST": RUNS}

    def post(self, request: Request, pk) -> Response:
        session = self.get_object()
        key = _idempotency_key(request)
        return accepted(send(session, user=request.user, trigger=Trigger.API, key=key, **self.taken(request)))


class Edit(Endpoint):
    """Ask something else in the place of an earlier message; the old branch stays."""

    serializer_class = EditSerializer
    throttle_scopes = {"POST": RUNS}

    def get_queryset(self):
        sessions = Session.objects.visible_to(self.request.user)
        return Message.objects.filter(session__in=sessions, role=Role.USER).select_related("session", "parent")

    def post(self, request: Request, pk) -> Response:
        question = self.get_object()
        return accepted(edit_and_send(question, user=request.user, trigger=Trigger.API, **self.taken(request)))


def _idempotency_key(request: Request) -> str:
    """The key under which a message is sent once (B21); empty if there is none."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > KEY_MAX_CHARACTERS or not key.isprintable():
        raise ValidationError({"Idempotency-Key": [f"At most {KEY_MAX_CHARACTERS} printable characters."]})
    return key
