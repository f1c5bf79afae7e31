"""Sessions: list, create, read, change, share, delete."""

from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.api.etags import check_unchanged, conditional_response, etag_of
from chatapp.api.operations import operation
from chatapp.api.serializers.chats import SessionSerializer, SessionsQuery, ShareSerializer
from chatapp.api.views.endpoint import SessionEndpoint
from chatapp.chats.actions import move, rename, share, unshare
from chatapp.chats.models import Session
from chatapp.chats.search import matching_sessions, words_of
from runs.actions import delete_session, mark_read
from runs.errors import ModelUnknown
from runs.lifecycle.start import lock_session
from runs.session_feed import session_changed, sessions_changed, with_activity


class ListedSessionEndpoint(SessionEndpoint):
    serializer_class = SessionSerializer

    def get_queryset(self):
        return with_activity(super().get_queryset())

    def represent(self, session: Session) -> dict:
        """The current representation of the session."""
        return self.get_serializer(self.get_queryset().get(pk=session.pk)).data


class Sessions(ListedSessionEndpoint):
    @operation("list_sessions", "List sessions, newest first", SessionSerializer, query=SessionsQuery, is_list=True)
    def get(self, request: Request) -> Response:
        """Archived ones only with `archived=true`."""
        query = self.validated_query(request)
        sessions = _filtered(self.get_queryset(), query)
        return self.list_response(request, sessions, ["-active_at", "-id"], query["limit"])

    @operation(
        "create_session",
        "Create a session",
        SessionSerializer,
        status=201,
        body=SessionSerializer,
        once=True,
        is_versioned=True,
        errors=[ModelUnknown],
    )
    def post(self, request: Request) -> Response:
        """An empty chat. Send it a message to get an answer."""
        body = self.validated_body(request)
        session = self.create_once(request, body, lambda: create_session(request.user, body))
        data = self.represent(session)
        headers = {"Location": reverse("api:session", args=[session.pk]), "ETag": etag_of(data)}
        return Response(data, status=201, headers=headers)


class SessionDetail(ListedSessionEndpoint):
    @operation("read_session", "Read a session", SessionSerializer, is_versioned=True)
    def get(self, request: Request, pk) -> Response:
        """With its settings and whether it is answering. Its messages have an address of their own."""
        return conditional_response(request, self.get_serializer(self.get_object()).data)

    @operation(
        "change_session",
        "Change a session",
        SessionSerializer,
        body=SessionSerializer,
        is_versioned=True,
        errors=[ModelUnknown],
    )
    def patch(self, request: Request, pk) -> Response:
        """Missing fields are kept. With `If-Match`, it is changed only if this is its current ETag."""
        session, body = self.get_object(), self.validated_body(request, partial=True)
        with transaction.atomic():
            lock_session(session.pk)
            check_unchanged(request, self.represent(session))
            _change(session, body)
        data = self.represent(session)
        return Response(data, headers={"ETag": etag_of(data)})

    @operation("delete_session", "Delete a session", status=204, is_versioned=True)
    def delete(self, request: Request, pk) -> Response:
        """Its runs are stopped. A session cannot be restored."""
        session = self.get_object()
        with transaction.atomic():
            lock_session(session.pk)
            check_unchanged(request, self.get_serializer(self.get_object()).data)
            delete_session(session, by=request.user)
        return Response(status=204)


class Share(SessionEndpoint):
    serializer_class = ShareSerializer

    @operation("read_share", "Read the share link of a session", ShareSerializer)
    def get(self, request: Request, pk) -> Response:
        """`link` is null if it is not shared."""
        return self._link_response(request, self.get_object())

    @operation("share_session", "Share a session by a link", ShareSerializer, body=ShareSerializer)
    def post(self, request: Request, pk) -> Response:
        """An existing link is kept. It shows the current branch of the session, and nothing about its owner."""
        session = self.get_object()
        share(session, with_files=self.validated_body(request).get("files"))
        return self._link_response(request, session)

    @operation("unshare_session", "Revoke the share link", status=204)
    def delete(self, request: Request, pk) -> Response:
        """Sharing again creates a new link."""
        unshare(self.get_object())
        return Response(status=204)

    def _link_response(self, request: Request, session: Session) -> Response:
        token = session.share_token
        link = request.build_absolute_uri(reverse("shared", args=[token])) if token else None
        return Response(self.get_serializer({"link": link, "files": session.share_files}).data)


class Seen(ListedSessionEndpoint):
    @operation("see_session", "Mark a session as seen", SessionSerializer)
    def post(self, request: Request, pk) -> Response:
        """Clears `news`, and the badge on your pages."""
        session = self.get_object()
        mark_read(session)
        return Response(self.represent(session))


def _filtered(sessions: QuerySet[Session], query: dict) -> QuerySet[Session]:
    sessions = sessions.filter(archived_at__isnull=not query["archived"])
    if (pinned := query.get("pinned")) is not None:
        sessions = sessions.filter(pinned_at__isnull=not pinned)
    if (answering := query.get("answering")) is not None:
        active = Q(is_running=True) | Q(is_waiting=True)
        sessions = sessions.filter(active if answering else ~active)
    return matching_sessions(sessions, words_of(query["q"])) if "q" in query else sessions


@transaction.atomic
def create_session(owner, body: dict) -> Session:
    session = Session.objects.create(owner=owner)
    _change(session, body)
    return session


def _change(session: Session, body: dict) -> None:
    body = dict(body)
    if "title" in body:
        rename(session, body.pop("title"))
        session_changed(session.pk)
    move(session, is_pinned=body.pop("pinned", None), is_archived=body.pop("archived", None))
    sessions_changed(session.owner_id)
    for name, value in body.items():
        setattr(session, name, value)
    session.save(update_fields=list(body))
