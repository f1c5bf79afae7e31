"""A run's events, as server-sent events. Not a view of the framework, which has none that is `async`."""

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException, MethodNotAllowed, NotAcceptable

from chatapp.accounts.authentication import viewer
from chatapp.api.errors import plain_response
from chatapp.api.schema import ALWAYS, refusals
from chatapp.api.views.endpoint import refuse_too_large
from runs.errors import InternalError
from streams.access import in_request_thread
from streams.transports.connection_limit import TooManyConnections
from streams.transports.sse import event_stream

REFUSED = [
    *(error for error in ALWAYS if error is not NotAcceptable),
    Http404,
    RequestDataTooBig,
    TooManyConnections,
    InternalError,
]
METHODS = ("GET", "HEAD")
EXAMPLE = (
    'id: 1\ndata: {"stream":"0198c0de-5d1e-7c3a-9a51-5a3c2f6f9a10","seq":1,"kind":"run.queued","data":{}}\n\n'
    'id: 3\ndata: {"stream":"0198c0de-5d1e-7c3a-9a51-5a3c2f6f9a10","seq":3,"kind":"text.delta","data":{"text":"A"}}\n\n'
)


@csrf_exempt  # no cookie is looked at
async def events(request: HttpRequest, pk) -> HttpResponseBase:
    """The stream of a run, from the beginning or after a seq that the client knows, to its end (B25)."""
    try:
        if request.method not in METHODS:
            raise MethodNotAllowed(request.method)
        asking = await in_request_thread(viewer, request)
        refuse_too_large(request.META.get("CONTENT_LENGTH"))
        return await event_stream(request, asking, pk)
    except (APIException, Http404, SuspiciousOperation, TooManyConnections) as refusal:
        response = plain_response(refusal)
        if isinstance(refusal, MethodNotAllowed):
            response["Allow"] = ", ".join(METHODS)
        return response


def in_schema() -> dict:
    """The path's part of the OpenAPI schema."""
    number = {"type": "integer", "minimum": 0}
    position = "Begin after this seq; the larger one of `after` and `Last-Event-ID` counts."
    return {
        "get": {
            "operationId": "follow_run",
            "summary": "Follow a run",
            "description": "Server-sent events: what was until now, then what comes, to the final event. `id` is the "
            "event's seq, `data` its envelope (docs/protocol.md). A comment every 15 s shows that the connection "
            "lives. Break off and come back with the last seq that you know: the run does not need you.",
            "tags": ["runs"],
            "security": [{"token": []}],
            "parameters": [
                {"in": "path", "name": "id", "required": True, "schema": {"type": "string", "format": "uuid"}},
                {"in": "query", "name": "after", "schema": number, "description": position},
                {"in": "header", "name": "Last-Event-ID", "schema": {"type": "string"}, "description": position},
            ],
            "responses": {
                "200": {
                    "description": "The stream.",
                    "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLE}},
                },
                "204": {"description": "The run has ended and you know everything: do not come back."},
            }
            | refusals(REFUSED),
        }
    }
