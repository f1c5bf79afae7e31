"""A run's events as server-sent events. A plain Django view: REST framework has no async views."""

from collections.abc import Callable
from uuid import UUID

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException, MethodNotAllowed, NotAcceptable, ValidationError

from chatapp.accounts.authentication import viewer
from chatapp.api.errors import plain_response
from chatapp.api.schema import COMMON_ERRORS, error_responses
from chatapp.api.serializers.strict import PARAMETER, refuse_unknown
from chatapp.api.views.endpoint import refuse_too_large
from chatapp.openapi import content, operation, query_parameter
from runs.errors import InternalError
from runs.session_feed import stream_of
from streams.access import Viewer, in_request_thread
from streams.transports.connection_limit import TooManyConnections
from streams.transports.sse import event_stream

STREAM_ERRORS = [
    *(error for error in COMMON_ERRORS if error is not NotAcceptable),
    Http404,
    RequestDataTooBig,
    ValidationError,
    TooManyConnections,
    InternalError,
]
METHODS = ("GET", "HEAD")
EVENT_STREAM = "text/event-stream"
STREAM = content({"type": "string"}, EVENT_STREAM)
EXAMPLE = (
    'id: 1\ndata: {"stream":"0198c0de-5d1e-7c3a-9a51-5a3c2f6f9a10","seq":1,"kind":"run.queued","data":{}}\n\n'
    'id: 3\ndata: {"stream":"0198c0de-5d1e-7c3a-9a51-5a3c2f6f9a10","seq":3,"kind":"text.delta","data":{"text":"A"}}\n\n'
)


@csrf_exempt  # cookies are ignored
async def events(request: HttpRequest, pk) -> HttpResponseBase:
    """The stream of a run, from the beginning or after a given seq, to its end (B25)."""
    return await _follow(request, {"after"}, lambda reader: pk)


@csrf_exempt  # cookies are ignored
async def all_events(request: HttpRequest) -> HttpResponseBase:
    """What changes in the user's sessions, as in the list of the pages. Nothing of it is stored."""
    return await _follow(request, set(), lambda reader: stream_of(reader.user_id))


async def _follow(request: HttpRequest, parameters: set[str], choose: Callable[[Viewer], UUID]) -> HttpResponseBase:
    try:
        if request.method not in METHODS:
            raise MethodNotAllowed(request.method)
        reader = await in_request_thread(viewer, request)
        refuse_too_large(request.META.get("CONTENT_LENGTH"))
        refuse_unknown(request.GET, parameters, PARAMETER)
        return await event_stream(request, reader, choose(reader))
    except (APIException, Http404, SuspiciousOperation, TooManyConnections) as error:
        response = plain_response(error)
        if isinstance(error, MethodNotAllowed):
            response["Allow"] = ", ".join(METHODS)
        return response


def all_events_schema_path() -> dict:
    """The OpenAPI schema of the user's stream."""
    errors = error_responses(error for error in STREAM_ERRORS if error is not Http404)
    return {
        "get": operation(
            "follow_sessions",
            "Follow all sessions",
            "Server-sent events without end: `live`, then what changes in the list of sessions "
            "(docs/protocol.md). Nothing is stored: after a reconnect load the list anew.",
            "sessions",
            {"200": {"description": "The stream.", "content": STREAM}} | errors,
        )
    }


def schema_path() -> dict:
    """The OpenAPI schema of a run's stream."""
    position = "Start after this seq; the larger of `after` and `Last-Event-ID` counts."
    stream = {"description": "The stream.", "content": {EVENT_STREAM: STREAM[EVENT_STREAM] | {"example": EXAMPLE}}}
    ended = {"description": "The run has ended and there is nothing new: do not reconnect."}
    header = {"in": "header", "name": "Last-Event-ID", "schema": {"type": "string"}, "description": position}
    return {
        "get": operation(
            "follow_run",
            "Follow a run",
            "Server-sent events: the history, then live events up to the final one. `id` is the "
            "event's seq, `data` its envelope (docs/protocol.md). A comment every 15 s keeps the connection "
            "alive. You may disconnect and resume after the last seq: the run continues without you.",
            "runs",
            {"200": stream, "204": ended} | error_responses(STREAM_ERRORS),
            parameters=[
                {"in": "path", "name": "id", "required": True, "schema": {"type": "string", "format": "uuid"}},
                query_parameter("after", {"type": "integer", "minimum": 0}, position),
                header,
            ],
        )
    }
