"""The OpenAPI schema: the errors of all operations, and the stream of events, which is not a DRF view."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from inspect import getdoc

from django.core.exceptions import RequestDataTooBig
from drf_spectacular.openapi import AutoSchema
from rest_framework import exceptions

from chatapp.api.errors import MEDIA_TYPE, TYPES, problem_of_kind
from runs.errors import InternalError

SCHEMA_REF = re.compile(r'"#/components/schemas/([^"]+)"')
COMMON_ERRORS = [
    exceptions.NotAuthenticated,
    exceptions.PermissionDenied,
    exceptions.NotAcceptable,
    exceptions.Throttled,
]
BODY_ERRORS = [
    exceptions.ParseError,
    exceptions.UnsupportedMediaType,
    exceptions.ValidationError,
]
PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457). docs/errors.md lists the codes.",
    "required": ["type", "title", "status", "code", "retryable"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "An identifier for the code, not a URL."},
        "title": {"type": "string", "description": "A sentence for users."},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable identifier of the error."},
        "retryable": {"type": "boolean", "description": "Whether the same request may succeed later."},
        "detail": {"type": "string", "description": "More information, if there is any."},
        "fields": {"description": "The errors of each field."},
        "run": {"description": "The active run that prevents this, or the run that could not be started."},
        "message": {"description": "With `broker_unavailable`: the message, which was saved."},
    },
}
HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "How to authenticate."}},
    405: {"Allow": {"schema": {"type": "string"}, "description": "Allowed methods."}},
    429: {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait, if known."}},
}


class Schema(AutoSchema):
    """Adds the possible errors to each operation."""

    def get_operation(self, *args, **kwargs):
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            errors = [*operation.pop("x-problems", ()), *self._common(operation)]
            operation["responses"] |= error_responses(errors)
        return operation

    def get_description(self) -> str:
        """The docstring of the method, not of its class."""
        return getdoc(getattr(self.view, self.method.lower())) or ""

    def _common(self, operation: dict) -> list[type[Exception]]:
        queried = any(parameter["in"] == "query" for parameter in operation.get("parameters", ()))
        has_own_key = any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
        named = [exceptions.NotFound] if "{" in self.path else []
        checked = [exceptions.ValidationError] if queried or has_own_key else []
        body = BODY_ERRORS if "requestBody" in operation else []
        return [*COMMON_ERRORS, RequestDataTooBig, InternalError, *named, *checked, *body]


def error_responses(errors: Iterable[type[Exception]]) -> dict:
    """The responses to errors, by status."""
    of_status: dict[int, dict] = defaultdict(dict)
    for error in errors:
        problem = problem_of_kind(error)
        of_status[problem.status][problem.code] = problem
    return {str(status): _error_response(status, of_status[status]) for status in sorted(of_status)}


def _error_response(status: int, problems: dict) -> dict:
    codes = dict(sorted(problems.items()))
    response = {
        "description": "\n".join(f"`{code}`: {problem.title}" for code, problem in codes.items()),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {code: {"value": _example(problem)} for code, problem in codes.items()},
            }
        },
    }
    return response | ({"headers": HEADERS[status]} if status in HEADERS else {})


def _example(problem) -> dict:
    return {"type": TYPES + problem.code} | problem._asdict()


def only_this_api(endpoints: list[tuple]) -> list[tuple]:
    """Hook of the generator: other protocols (/v1, /api/chat) describe themselves, by hooks of their own."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


def add_shared_components(result: dict, generator, request, public) -> dict:
    """Hook of the generator: add the schema of errors and the stream of events, and share equal responses."""
    from chatapp.api.views.events import all_events_schema_path, schema_path  # which imports `error_responses`

    result["components"]["schemas"]["Problem"] = PROBLEM
    result["paths"]["/api/v1/runs/{id}/events"] = schema_path()
    result["paths"]["/api/v1/events"] = all_events_schema_path()
    result["paths"] = dict(sorted(result["paths"].items()))
    _share(result)
    _drop_unused(result)
    return result


def _share(result: dict) -> None:
    """Turn error responses into shared components."""
    shared = result["components"].setdefault("responses", {})
    for path in result["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                examples = response.get("content", {}).get(MEDIA_TYPE, {}).get("examples")
                if examples:
                    name = "_or_".join(examples)
                    shared[name] = response
                    operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    result["components"]["responses"] = dict(sorted(shared.items()))


def _drop_unused(result: dict) -> None:
    """Remove schemas of requests that exist only because their serializer is part of another one as read-only."""
    schemas = result["components"]["schemas"]
    while unused := schemas.keys() - set(SCHEMA_REF.findall(json.dumps(result, default=str))):
        for name in unused:
            del schemas[name]
