"""The OpenAPI schema: what every operation has in common, and the one that the framework does not know of."""

from collections import defaultdict
from collections.abc import Iterable
from inspect import getdoc

from django.core.exceptions import RequestDataTooBig
from drf_spectacular.openapi import AutoSchema
from rest_framework import exceptions

from chatapp.api.errors import MEDIA_TYPE, TYPES, problem_of_kind
from runs.errors import InternalError

ALWAYS = [exceptions.NotAuthenticated, exceptions.PermissionDenied, exceptions.NotAcceptable, exceptions.Throttled]
OF_A_BODY = [
    exceptions.ParseError,
    exceptions.UnsupportedMediaType,
    exceptions.ValidationError,
]
PROBLEM = {
    "type": "object",
    "description": "What is wrong (RFC 9457). docs/errors.md lists the codes.",
    "required": ["type", "title", "status", "code", "retryable"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "A name for the code; it leads nowhere."},
        "title": {"type": "string", "description": "A sentence that may be shown."},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stays the same."},
        "retryable": {"type": "boolean", "description": "Whether the same may go well later."},
        "detail": {"type": "string", "description": "More, where there is more to say."},
        "fields": {"description": "What is wrong with each field."},
        "run": {"description": "The run in the way, or the one that could not be started."},
        "message": {"description": "The message that was kept, with `broker_unavailable`."},
    },
}
HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "How to authenticate."}},
    405: {"Allow": {"schema": {"type": "string"}, "description": "What is allowed."}},
    429: {"Retry-After": {"schema": {"type": "integer"}, "description": "s to wait, where that is known."}},
}


class Schema(AutoSchema):
    """Adds to each operation what it may be refused for."""

    def get_operation(self, *args, **kwargs):
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            errors = [*operation.pop("x-problems", ()), *self._common(operation)]
            operation["responses"] |= refusals(errors)
        return operation

    def get_description(self) -> str:
        """What the method says, and not what its class says of all of them."""
        return getdoc(getattr(self.view, self.method.lower())) or ""

    def _common(self, operation: dict) -> list[type[Exception]]:
        queried = any(parameter["in"] == "query" for parameter in operation.get("parameters", ()))
        keyed = any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
        named = [exceptions.NotFound] if "{" in self.path else []
        checked = [exceptions.ValidationError] if queried or keyed else []
        body = OF_A_BODY if "requestBody" in operation else []
        return [*ALWAYS, RequestDataTooBig, InternalError, *named, *checked, *body]


def refusals(errors: Iterable[type[Exception]]) -> dict:
    """The responses to errors, by status."""
    of_status: dict[int, dict] = defaultdict(dict)
    for error in errors:
        problem = problem_of_kind(error)
        of_status[problem.status][problem.code] = problem
    return {str(status): _refusal(status, of_status[status]) for status in sorted(of_status)}


def _refusal(status: int, problems: dict) -> dict:
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


def own(endpoints: list[tuple]) -> list[tuple]:
    """A hook of the generator: other edges speak protocols of others, which are written down elsewhere."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


def complete(result: dict, generator, request, public) -> dict:
    """A hook of the generator: adds the problem's shape, and the stream, and shares what is the same everywhere."""
    from chatapp.api.views.events import in_schema  # which needs `refusals`

    result["components"]["schemas"]["Problem"] = PROBLEM
    result["paths"]["/api/v1/runs/{id}/events"] = in_schema()
    result["paths"] = dict(sorted(result["paths"].items()))
    _share(result)
    return result


def _share(result: dict) -> None:
    """Responses that several operations have become components."""
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
