"""The endpoints that `useChat` and `DefaultChatTransport` call."""

import asyncio
from contextlib import suppress
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import close_old_connections, transaction
from django.http import Http404, HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chatapp.accounts.authentication import viewer_with
from chatapp.accounts.throttles import FOLLOWS, RUNS
from chatapp.aisdk.chat_sessions import (
    NoSuchMessage,
    find_session,
    get_or_create_session,
    is_stop_requested,
    runs_of_chat,
    start_run,
    store_files,
    under_way,
)
from chatapp.aisdk.requests import AskSerializer, StopSerializer
from chatapp.aisdk.ui_messages import ui_messages
from chatapp.aisdk.ui_stream import ui_message_stream
from chatapp.chats.models import Session
from runs.lifecycle.stop import request_stop
from runs.models import Run
from streams.delivery.follow import follow

STOPPING_SECONDS = 5.0  # s a new message waits for the end of an answer that is being stopped


class Endpoint(APIView):
    schema = None  # the SDK's protocol is not part of the API's schema

    def find(self, name: str) -> Session:
        session = find_session(self.request.user, name)
        if session is None:
            raise Http404
        return session

    def stream(self, run: Run) -> HttpResponseBase:
        """The run as a UI message stream. Releases the database connection for the duration of the stream."""
        viewer = viewer_with(self.request.user, self.request.auth)
        response = ui_message_stream(run, viewer, has_body=self.request.method != "HEAD")
        close_old_connections()
        return response


class Chats(Endpoint):
    """POST: send a message, or regenerate an answer. The run continues without followers."""

    throttle_scopes = {"POST": RUNS}

    def post(self, request: Request) -> HttpResponseBase:
        body = AskSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        name, chat_request = body.validated_data["id"], body.chat_request()
        files = store_files(request.user, chat_request)
        if session := find_session(request.user, name):
            wait_for_stopped_run(session)
        try:
            with transaction.atomic():  # a refused request creates no session
                session = get_or_create_session(request.user, name)
                run = start_run(session, request.user, chat_request, files)
        except NoSuchMessage:
            raise Http404 from None
        return self.stream(runs_of_chat(session).get(pk=run.pk))


class Chat(Endpoint):
    """GET: the initial messages of a page."""

    def get(self, request: Request, name: str) -> Response:
        session = self.find(name)
        run = under_way(session)
        messages = ui_messages(session)
        return Response({"id": name, "activeStreamId": run and str(run.pk), "messages": messages})


class Stop(Endpoint):
    """POST: stop the active run, unless the client names another one (B37)."""

    def post(self, request: Request, name: str) -> Response:
        body = StopSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        run = under_way(self.find(name))
        if run is None or not body.is_for(run):
            return Response({"state": "already_final"})
        state = request_stop(run, by=request.user)
        return Response({"state": state}, status=200 if state == "already_final" else 202)


class Stream(Endpoint):
    """GET: the active run from its start; 204 if there is none. `?run=` names a run, which may have ended."""

    throttle_scopes = {"GET": FOLLOWS}

    def get(self, request: Request, name: str) -> HttpResponseBase:
        session = self.find(name)
        if named := request.query_params.get("run"):
            return self.stream(self.find_run(session, named))
        run = under_way(session)
        return Response(status=204) if run is None else self.stream(run)

    def find_run(self, session: Session, named: str) -> Run:
        with suppress(ValueError):
            if run := runs_of_chat(session).filter(pk=UUID(named)).first():
                return run
        raise Http404


def wait_for_stopped_run(session: Session) -> None:
    """Wait for the end of an answer that is being stopped: a message sent before that would be held in the queue."""
    run = under_way(session)
    if run is not None and is_stop_requested(run):
        close_old_connections()  # the wait needs none
        async_to_sync(_until_end)(run.pk)


async def _until_end(run: UUID) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(STOPPING_SECONDS):
            async for _ in follow(run):
                pass
