"""Messages: the tree of a session, one of its branches, one message; sending and asking otherwise."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.accounts.throttles import RUNS
from chatapp.api.current_messages import as_they_are, branch_of
from chatapp.api.idempotency import key_of
from chatapp.api.operations import operation
from chatapp.api.serializers.chats import (
    BranchAsked,
    EditSerializer,
    MessageSerializer,
    PageSerializer,
    PlacedSerializer,
    SendSerializer,
    SessionSerializer,
)
from chatapp.api.serializers.runs import AcceptedSerializer
from chatapp.api.views.endpoint import OfMessage, OfSession, accepted, runs_of
from chatapp.chats.actions import show_branch
from chatapp.chats.models import Message, Role
from chatapp.chats.tree import Tree
from runs.actions import edit_and_send, send
from runs.errors import (
    BrokerUnavailable,
    KeyReused,
    ModelMissing,
    ModelUnknown,
    PromptEmpty,
    PromptTooLong,
    SessionBusy,
    StillQueued,
    TooManyRuns,
    TooManySends,
)
from runs.queries.branches import load
from runs.session_feed import with_activity
from runs.states import Trigger

OF_ASKING = [ModelMissing, ModelUnknown, TooManyRuns, TooManySends, BrokerUnavailable]
OF_SENDING = [PromptEmpty, PromptTooLong, *OF_ASKING]


class Messages(OfSession):
    """The whole tree; and the way to send."""

    throttle_scopes = {"POST": RUNS}
    asked_class = PageSerializer

    @operation(
        "list_messages",
        "All messages of a session, the oldest first",
        MessageSerializer,
        asks=PageSerializer,
        is_list=True,
    )
    def get(self, request: Request, pk) -> Response:
        """`parent` makes them a tree: other questions and other answers are other branches of it."""
        self.serializer_class = MessageSerializer
        messages = self.get_object().messages
        return self.listed(request, messages, ["id"], self.asked(request)["limit"], as_they_are)

    @operation(
        "send_message",
        "Send a message: the run that answers it",
        AcceptedSerializer,
        status=202,
        takes=SendSerializer,
        keyed=True,
        errors=[*OF_SENDING, SessionBusy, KeyReused],
    )
    def post(self, request: Request, pk) -> Response:
        """The key counts for the session; `when_busy` says what happens while an answer is being written."""
        self.serializer_class = SendSerializer
        session, key = self.get_object(), key_of(request)
        return accepted(send(session, user=request.user, trigger=Trigger.API, key=key, **self.taken(request)))


class Branch(OfSession):
    serializer_class = PlacedSerializer
    asked_class = BranchAsked

    @operation(
        "read_branch", "One branch of a session, from its beginning", PlacedSerializer, asks=BranchAsked, is_list=True
    )
    def get(self, request: Request, pk) -> Response:
        """To the message `leaf`, or to the one that the session shows last."""
        session, asked = self.get_object(), self.asked(request)
        leaf = get_object_or_404(session.messages, pk=asked["leaf"]).pk if "leaf" in asked else None
        ids, tree = branch_of(session, leaf)
        begin = _begin(ids, asked.get("cursor"))
        end = begin + asked["limit"]
        messages = as_they_are(load(session, ids[begin:end]))
        for message in messages:
            message.siblings = tree.versions(message.pk)
        body = {"items": self.get_serializer(messages, many=True).data}
        body |= {"next": str(ids[end]) if end < len(ids) else None}
        return Response(body | {"previous": str(ids[max(begin - asked["limit"], 0)]) if begin else None})


def _begin(ids: list[UUID], cursor: str | None) -> int:
    """The place of the message that a cursor names."""
    places = {str(pk): place for place, pk in enumerate(ids)}
    if cursor is not None and cursor not in places:
        raise ValidationError({"cursor": ["This is no cursor of this list."]})
    return places[cursor] if cursor else 0


class MessageDetail(OfMessage):
    serializer_class = PlacedSerializer

    @operation("read_message", "Read a message", PlacedSerializer)
    def get(self, request: Request, pk) -> Response:
        [message] = as_they_are([self.get_object()])
        message.siblings = Tree(message.session).versions(message.pk)
        return Response(self.get_serializer(message).data)


class Siblings(OfMessage):
    serializer_class = MessageSerializer
    asked_class = PageSerializer

    @operation(
        "list_siblings",
        "The messages in the same place, the oldest first",
        MessageSerializer,
        asks=PageSerializer,
        is_list=True,
    )
    def get(self, request: Request, pk) -> Response:
        message = self.get_object()
        versions = Message.objects.filter(pk__in=Tree(message.session).versions(message.pk))
        return self.listed(request, versions, ["id"], self.asked(request)["limit"], as_they_are)


class Show(OfMessage):
    serializer_class = SessionSerializer

    @operation("show_branch", "Let the session show the branch of a message", SessionSerializer)
    def post(self, request: Request, pk) -> Response:
        """To the end of its newest one. Nothing that runs is touched."""
        message = self.get_object()
        show_branch(message)
        session = with_activity(type(message.session).objects.filter(pk=message.session_id)).get()
        return Response(self.get_serializer(session).data)


class Edit(OfMessage):
    """Ask something else in the place of an earlier message; the old branch stays."""

    serializer_class = EditSerializer
    throttle_scopes = {"POST": RUNS}

    def get_queryset(self):
        return super().get_queryset().filter(role=Role.USER)

    @operation(
        "edit_message",
        "Ask something else in the place of a question",
        AcceptedSerializer,
        status=202,
        takes=EditSerializer,
        once=True,
        errors=[*OF_SENDING, StillQueued],
    )
    def post(self, request: Request, pk) -> Response:
        """The old branch stays. What the session is answering is stopped."""
        question, taken = self.get_object(), self.taken(request)
        asking = {"user": request.user, "trigger": Trigger.API} | taken
        run = self.once(request, taken, lambda: edit_and_send(question, **asking), runs_of(request.user))
        return accepted(run)
