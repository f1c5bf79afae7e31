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
BODY_ERRORS = [exceptions.ParseError, exceptions.UnsupportedMediaType]
WITHOUT_DEFAULT = {"ScheduleChangeRequest": {"kind", "name", "prompt", "zone"}}  # although they need not be sent
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
        named = [exceptions.NotFound] if "{" in self.path else []
        body = BODY_ERRORS if "requestBody" in operation else []
        return [*COMMON_ERRORS, exceptions.ValidationError, RequestDataTooBig, InternalError, *named, *body]


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
    _describe_strictness(result)
    _share(result)
    _drop_unused(result)
    return result


def _describe_strictness(result: dict) -> None:
    """Bodies have no other members, and null is the default of those that may be missing (StrictSerializer)."""
    paths = {path: methods for path, methods in result["paths"].items() if path.startswith("/api/v1/")}
    bodies = [operation.get("requestBody") for methods in paths.values() for operation in methods.values()]
    names, seen = set(SCHEMA_REF.findall(json.dumps(bodies, default=str))), set()
    while names:
        seen.add(name := names.pop())
        schema = result["components"]["schemas"][name]
        names |= set(SCHEMA_REF.findall(json.dumps(schema, default=str))) - seen
        if "properties" in schema:
            required = {*schema.get("required", ()), *WITHOUT_DEFAULT.get(name, ())}
            schema["properties"] = {
                each: value if each in required else _or_null(value) for each, value in schema["properties"].items()
            }
            schema["additionalProperties"] = False


def _or_null(schema: dict) -> dict:
    """The schema of a member that may be missing or null. Its default is told in words: generators would demand it."""
    if (default := schema.get("default")) not in (None, ""):
        words = f"Default: `{json.dumps(default)}`."
        schema = schema | {"description": f"{schema['description']}\n\n{words}" if "description" in schema else words}
    schema = {name: value for name, value in schema.items() if name != "default"}
    if "type" in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        enum = {"enum": [*schema["enum"], None]} if "enum" in schema and None not in schema["enum"] else {}
        return schema | {"type": types if "null" in types else [*types, "null"]} | enum
    about = {name: value for name, value in schema.items() if name == "description"}
    rest = {name: value for name, value in schema.items() if name not in about}
    if len(parts := rest.get("allOf", ())) == 1:
        rest = parts[0]
    return {"oneOf": [rest, {"type": "null"}]} | about


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
