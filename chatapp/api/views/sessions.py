"""Sessions: the list, one of them, and what is set in it."""

from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.api.etags import check_unchanged, etag_of, versioned
from chatapp.api.operations import operation
from chatapp.api.serializers.chats import SessionsAsked, SessionSerializer, ShareSerializer
from chatapp.api.views.endpoint import OfSession
from chatapp.chats.actions import move, rename, share, unshare
from chatapp.chats.models import Session
from chatapp.chats.search import found_sessions, words_of
from runs.actions import delete_session, mark_read
from runs.errors import ModelUnknown
from runs.lifecycle.start import lock_session
from runs.session_feed import session_changed, sessions_changed, with_activity


class AnySession(OfSession):
    serializer_class = SessionSerializer

    def get_queryset(self):
        return with_activity(super().get_queryset())

    def told(self, session: Session) -> dict:
        """As it is now."""
        return self.get_serializer(self.get_queryset().get(pk=session.pk)).data


class Sessions(AnySession):
    asked_class = SessionsAsked

    @operation("list_sessions", "The sessions, the newest first", SessionSerializer, asks=SessionsAsked, is_list=True)
    def get(self, request: Request) -> Response:
        asked = self.asked(request)
        found = _found(self.get_queryset(), asked)
        return self.listed(request, found, ["-active_at", "-id"], asked["limit"])

    @operation(
        "create_session",
        "Begin a session",
        SessionSerializer,
        status=201,
        takes=SessionSerializer,
        once=True,
        is_versioned=True,
        errors=[ModelUnknown],
    )
    def post(self, request: Request) -> Response:
        taken = self.taken(request)
        session = self.once(request, taken, lambda: _create(request.user, taken))
        data = self.told(session)
        headers = {"Location": reverse("api:session", args=[session.pk]), "ETag": etag_of(data)}
        return Response(data, status=201, headers=headers)


class SessionDetail(AnySession):
    @operation("read_session", "Read a session", SessionSerializer, is_versioned=True)
    def get(self, request: Request, pk) -> Response:
        return versioned(request, self.get_serializer(self.get_object()).data)

    @operation(
        "change_session",
        "Change what is set in a session",
        SessionSerializer,
        takes=SessionSerializer,
        is_versioned=True,
        errors=[ModelUnknown],
    )
    def patch(self, request: Request, pk) -> Response:
        """What is not named stays. With `If-Match` only if nothing else has changed since."""
        session, taken = self.get_object(), self.taken(request, partial=True)
        with transaction.atomic():
            lock_session(session.pk)
            check_unchanged(request, self.told(session))
            _change(session, taken)
        data = self.told(session)
        return Response(data, headers={"ETag": etag_of(data)})

    @operation("delete_session", "Delete a session", status=204, is_versioned=True)
    def delete(self, request: Request, pk) -> Response:
        """What runs is stopped, and nothing comes back."""
        session = self.get_object()
        with transaction.atomic():
            lock_session(session.pk)
            check_unchanged(request, self.get_serializer(self.get_object()).data)
            delete_session(session, by=request.user)
        return Response(status=204)


class Share(OfSession):
    serializer_class = ShareSerializer

    @operation("read_share", "The link by which anybody can read a session", ShareSerializer)
    def get(self, request: Request, pk) -> Response:
        return self._told(request, self.get_object())

    @operation("share_session", "Let anybody read a session who has the link", ShareSerializer)
    def post(self, request: Request, pk) -> Response:
        """One that is there stays. Shown is the branch that the session shows, and nothing about you."""
        session = self.get_object()
        share(session)
        return self._told(request, session)

    @operation("unshare_session", "Let the link lead nowhere", status=204)
    def delete(self, request: Request, pk) -> Response:
        """A later one is another one."""
        unshare(self.get_object())
        return Response(status=204)

    def _told(self, request: Request, session: Session) -> Response:
        token = session.share_token
        link = request.build_absolute_uri(reverse("shared", args=[token])) if token else None
        return Response(self.get_serializer({"link": link}).data)


class Seen(AnySession):
    @operation("see_session", "You have looked at a session", SessionSerializer)
    def post(self, request: Request, pk) -> Response:
        """What was new in it (`news`) is not any more, on your pages neither."""
        session = self.get_object()
        mark_read(session)
        return Response(self.told(session))


def _found(sessions: QuerySet[Session], asked: dict) -> QuerySet[Session]:
    sessions = sessions.filter(archived_at__isnull=not asked["archived"])
    if (pinned := asked.get("pinned")) is not None:
        sessions = sessions.filter(pinned_at__isnull=not pinned)
    if (answering := asked.get("answering")) is not None:
        active = Q(is_running=True) | Q(is_waiting=True)
        sessions = sessions.filter(active if answering else ~active)
    return found_sessions(sessions, words_of(asked["q"])) if "q" in asked else sessions


@transaction.atomic
def _create(owner, taken: dict) -> Session:
    session = Session.objects.create(owner=owner)
    _change(session, taken)
    return session


def _change(session: Session, taken: dict) -> None:
    taken = dict(taken)
    if "title" in taken:
        rename(session, taken.pop("title"))
        session_changed(session.pk)
    move(session, is_pinned=taken.pop("pinned", None), is_archived=taken.pop("archived", None))
    sessions_changed(session.owner_id)
    for name, value in taken.items():
        setattr(session, name, value)
    session.save(update_fields=list(taken))
