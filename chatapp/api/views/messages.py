"""Messages: a session's tree, branches and single messages; send and edit."""

from functools import partial
from uuid import UUID

from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.accounts.throttles import RUNS
from chatapp.api.current_messages import branch_of, current_messages
from chatapp.api.idempotency import idempotency_key
from chatapp.api.operations import operation
from chatapp.api.serializers.chats import (
    BranchQuery,
    EditSerializer,
    MessageSerializer,
    PageSerializer,
    PlacedSerializer,
    SessionSerializer,
)
from chatapp.api.serializers.runs import AcceptedSerializer
from chatapp.api.serializers.sending import FirstMessageSerializer, SendQuery, SendSerializer, options_of
from chatapp.api.views.endpoint import Endpoint, MessageEndpoint, SessionEndpoint, accepted_response, visible_runs
from chatapp.api.views.sending import Sending, question_of, send_query, sent_response
from chatapp.api.views.sessions import create_session
from chatapp.chats.actions import show_branch
from chatapp.chats.models import Message, Role, Session
from chatapp.chats.tree import Tree
from chatapp.files.errors import FileUnknown
from runs.actions import edit_and_send, fingerprint_of, go_on_with_summary, send
from runs.errors import (
    BrokerUnavailable,
    KeyReused,
    ModelMissing,
    ModelUnknown,
    NothingToContinue,
    PromptEmpty,
    PromptTooLong,
    SessionBusy,
    StillQueued,
    TooManyAttachments,
    TooManyRuns,
    TooManySends,
)
from runs.message_files import attachments_of
from runs.models import Run
from runs.queries.branches import load
from runs.session_feed import with_activity
from runs.states import Trigger, WhenBusy

RUN_ERRORS = [ModelMissing, ModelUnknown, TooManyRuns, TooManySends, BrokerUnavailable]
SEND_ERRORS = [PromptEmpty, PromptTooLong, *RUN_ERRORS]


class Messages(Sending, SessionEndpoint):
    """The messages of a session."""

    throttle_scopes = {"POST": RUNS}

    @operation(
        "list_messages",
        "List all messages of a session, oldest first",
        MessageSerializer,
        query=PageSerializer,
        is_list=True,
    )
    def get(self, request: Request, pk) -> Response:
        """`parent` makes them a tree: edited questions and regenerated answers are its branches."""
        self.serializer_class = MessageSerializer
        messages = self.get_object().messages
        return self.list_response(request, messages, ["id"], self.validated_query(request)["limit"], current_messages)

    @operation(
        "send_message",
        "Send a message, and start the run that answers it",
        AcceptedSerializer,
        status=[200, 202],
        body=SendSerializer,
        query=SendQuery,
        may_stream=True,
        has_own_key=True,
        errors=[*SEND_ERRORS, FileUnknown, TooManyAttachments, SessionBusy, KeyReused],
    )
    def post(self, request: Request, pk) -> HttpResponseBase:
        """202 at once; with `wait` 200 when the run has ended, with `stream` its events. It continues without you.

        The key is valid within the session. `when_busy` decides what happens while an answer is being written.
        """
        self.serializer_class = SendSerializer
        session, key, body = self.get_object(), idempotency_key(request), self.validated_body(request)
        send_query(request)
        return sent_response(request, _send(session, body, request, key))


def _send(session: Session, body: dict, request: Request, key: str = "") -> Run:
    options = options_of(body)
    text, prompt = question_of(session, body)
    return send(
        session,
        text,
        files=attachments_of(request.user, body.get("files", [])),
        user=request.user,
        model=body["model"],
        trigger=Trigger.API,
        key=key,
        when_busy=body.get("when_busy", WhenBusy.ENQUEUE),
        prompt=prompt,
        options=options,
        fingerprint=fingerprint_of(body) if options is not None else "",
    )


class FirstMessage(Sending, Endpoint):
    """A message that begins a session."""

    serializer_class = FirstMessageSerializer
    throttle_scopes = {"POST": RUNS}

    @operation(
        "begin_session",
        "Begin a session with a message, and start the run that answers it",
        AcceptedSerializer,
        status=[200, 202],
        body=FirstMessageSerializer,
        query=SendQuery,
        may_stream=True,
        once=True,
        errors=[*SEND_ERRORS, FileUnknown, TooManyAttachments],
    )
    def post(self, request: Request) -> HttpResponseBase:
        """As in a session that is there; the run's `session` is the new one."""
        body = self.validated_body(request)
        send_query(request)
        make = partial(_begin, body, request)
        return sent_response(request, self.create_once(request, body, make, visible_runs(request.user)))


@transaction.atomic
def _begin(body: dict, request: Request) -> Run:
    """Nothing is left of a session whose message is refused."""
    session = create_session(request.user, body.get("session", {}))
    return _send(session, body, request)


class Summary(SessionEndpoint):
    throttle_scopes = {"POST": RUNS}

    @operation(
        "go_on_with_summary",
        "Start a new session that begins with a summary of this one",
        AcceptedSerializer,
        status=202,
        once=True,
        errors=[*RUN_ERRORS, NothingToContinue],
    )
    def post(self, request: Request, pk) -> Response:
        """The run's `session` is the new one. This one stays as it is."""
        session = self.get_object()
        make = partial(go_on_with_summary, session, user=request.user, trigger=Trigger.API)
        return accepted_response(self.create_once(request, None, make, visible_runs(request.user)))


class Branch(SessionEndpoint):
    serializer_class = PlacedSerializer

    @operation(
        "read_branch",
        "Read one branch of a session from its beginning",
        PlacedSerializer,
        query=BranchQuery,
        is_list=True,
    )
    def get(self, request: Request, pk) -> Response:
        """Ends with the message `leaf`, by default the last one of the visible branch."""
        session, query = self.get_object(), self.validated_query(request)
        leaf = get_object_or_404(session.messages, pk=query["leaf"]).pk if "leaf" in query else None
        ids, tree = branch_of(session, leaf)
        begin = _offset_of(ids, query.get("cursor"))
        end = begin + query["limit"]
        messages = current_messages(load(session, ids[begin:end]), tree)
        body = {"items": self.get_serializer(messages, many=True).data}
        body |= {"next": str(ids[end]) if end < len(ids) else None}
        return Response(body | {"previous": str(ids[max(begin - query["limit"], 0)]) if begin else None})


def _offset_of(ids: list[UUID], cursor: str | None) -> int:
    """The index of the message named by the cursor."""
    offsets = {str(pk): offset for offset, pk in enumerate(ids)}
    if cursor is not None and cursor not in offsets:
        raise ValidationError({"cursor": ["Invalid cursor."]})
    return offsets[cursor] if cursor else 0


class MessageDetail(MessageEndpoint):
    serializer_class = PlacedSerializer

    @operation("read_message", "Read a message", PlacedSerializer)
    def get(self, request: Request, pk) -> Response:
        """While an answer is being written, `content` is the text so far: follow `run` after `last_seq`."""
        message = self.get_object()
        [current] = current_messages([message], Tree(message.session))
        return Response(self.get_serializer(current).data)


class Siblings(MessageEndpoint):
    serializer_class = MessageSerializer

    @operation(
        "list_siblings",
        "List a message and its alternatives, oldest first",
        MessageSerializer,
        query=PageSerializer,
        is_list=True,
    )
    def get(self, request: Request, pk) -> Response:
        """Answers to one question, or one question as it was asked before and after it was edited."""
        message = self.get_object()
        versions = Message.objects.filter(pk__in=Tree(message.session).versions(message.pk))
        return self.list_response(request, versions, ["id"], self.validated_query(request)["limit"], current_messages)


class Show(MessageEndpoint):
    serializer_class = SessionSerializer

    @operation("show_branch", "Make the session show the branch of a message", SessionSerializer)
    def post(self, request: Request, pk) -> Response:
        """Shows the newest branch below the message. Running answers continue."""
        message = self.get_object()
        show_branch(message)
        session = with_activity(type(message.session).objects.filter(pk=message.session_id)).get()
        return Response(self.get_serializer(session).data)


class Edit(MessageEndpoint):
    """Edit a question: the answer to the new one is another branch."""

    serializer_class = EditSerializer
    throttle_scopes = {"POST": RUNS}

    def get_queryset(self):
        return super().get_queryset().filter(role=Role.USER)

    @operation(
        "edit_message",
        "Edit a question and answer it again",
        AcceptedSerializer,
        status=202,
        body=EditSerializer,
        once=True,
        errors=[*SEND_ERRORS, StillQueued],
    )
    def post(self, request: Request, pk) -> Response:
        """The old branch stays. The session's running answer is stopped."""
        question, body = self.get_object(), self.validated_body(request)
        options = {"user": request.user, "trigger": Trigger.API} | body
        run = self.create_once(request, body, lambda: edit_and_send(question, **options), visible_runs(request.user))
        return accepted_response(run)
