"""The response to a sent message: at once, as a stream, or once the run has ended."""

import asyncio
from contextlib import aclosing, suppress
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import close_old_connections
from django.http import HttpResponseBase
from django.urls import reverse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from chatapp.accounts.authentication import viewer_with
from chatapp.api.current_messages import CurrentMessage
from chatapp.api.serializers.runs import AcceptedSerializer
from chatapp.api.serializers.sending import SendQuery
from chatapp.api.views.endpoint import accepted_response, visible_runs
from chatapp.chats.models import Session
from runs.errors import BrokerUnavailable
from runs.models import Run
from runs.upstream.context.turns import called_names, last_answer, result_in_words
from streams.access import Viewer
from streams.delivery.follow import follow
from streams.delivery.hub import in_reader_thread
from streams.transports.sse import EventBody, EventStream, ResponseBody


class Sending(APIView):
    """An endpoint whose responses may be streams, which clients request by `Accept`, too."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        return super().perform_content_negotiation(request, force or "stream" in request.query_params)


def question_of(session: Session, body: dict) -> tuple[str, list[dict] | None]:
    """The text that people read, and the chat messages that the model gets; None: the text.

    Raises ValidationError for the result of a call that the session's last answer has not made.
    """
    results = body.get("tool_results")
    if not results:
        return body["text"], None
    calls = called_names(last_answer(session))
    if unknown := [result["id"] for result in results if result["id"] not in calls]:
        raise ValidationError({"tool_results": [f"The last answer made no call {unknown[0][:100]}."]})
    prompt = [{"role": "tool", "tool_call_id": result["id"], "content": result["content"]} for result in results]
    words = [result_in_words(turn, calls[turn["tool_call_id"]]) for turn in prompt]
    if body["text"].strip():
        prompt.append({"role": "user", "content": body["text"]})
        words.append(body["text"])
    return "\n\n".join(words), prompt


def sent_response(request: Request, run: Run) -> HttpResponseBase:
    """As the query demands: `stream`, `wait`, or 202 at once. The run continues without the client."""
    query = send_query(request)
    if run.code == BrokerUnavailable.code or not (query["stream"] or query["wait"]):
        return accepted_response(run)
    viewer = viewer_with(request.user, request.auth)
    if query["stream"]:
        response: HttpResponseBase = EventStream(EventBody(viewer, run.pk, 0))
    else:
        response = EventStream(AnswerBody(viewer, run.pk, query["wait"]))
        response["Content-Type"] = "application/json"
    response["Location"] = reverse("api:run", args=[run.pk])
    close_old_connections()  # a stream needs none
    return response


def send_query(request: Request) -> dict:
    """Raises ValidationError: check it before anything is sent."""
    query = SendQuery(data=dict(request.query_params.items()))
    query.is_valid(raise_exception=True)
    return query.validated_data


class AnswerBody(ResponseBody):
    """A message and its run, as JSON, when the run has ended or after `seconds`; white space meanwhile."""

    __slots__ = ("_run", "_seconds")

    def __init__(self, viewer: Viewer, run: UUID, seconds: int) -> None:
        super().__init__(viewer)
        self._run, self._seconds = run, seconds

    def _start(self) -> "asyncio.Task[None]":
        return asyncio.ensure_future(self._send_answer())

    async def _send_answer(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                await self._wait_for_end()
        may_read = await self._viewer.recheck([self._run])
        body = await in_reader_thread(_answer, self._viewer.user_id, self._run) if may_read else b""
        await self._sender.finish({"type": "http.response.body", "body": body})

    async def _wait_for_end(self) -> None:
        await self._sender.send({"type": "http.response.body", "body": b" ", "more_body": True})  # or no head is sent
        async with aclosing(follow(self._run, 0, settings.STREAMS_HEARTBEAT_SECONDS)) as batches:
            async for batch in batches:
                if not batch:  # so that no proxy takes the silence for the end
                    await self._sender.send({"type": "http.response.body", "body": b" ", "more_body": True})


def _answer(user_id: int, run_id: UUID) -> bytes:
    """A user who is not there any more reads nothing."""
    run = visible_runs(get_user_model()(pk=user_id)).filter(pk=run_id).first()
    if run is None:
        return b""
    return orjson.dumps(AcceptedSerializer({"message": CurrentMessage.of(run.message.parent), "run": run}).data)
