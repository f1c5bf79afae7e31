"""Decorators that describe an operation for the OpenAPI schema (`chatapp.api.schema`)."""

from collections.abc import Callable, Iterable
from functools import cache

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_serializer,
)
from rest_framework import serializers

from chatapp.api.errors import ChangedMeanwhile, Gone
from chatapp.api.models import KEY_CHARACTERS
from runs.errors import KeyReused

HEADER = OpenApiParameter.HEADER
KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    HEADER,
    description=f"Up to {KEY_CHARACTERS} printable characters. A repeated request creates nothing new.",
)
IF_MATCH = OpenApiParameter("If-Match", str, HEADER, description="Change the object only if this is its current ETag.")
IF_NONE_MATCH = OpenApiParameter("If-None-Match", str, HEADER, description="Respond 304 if this is the current ETag.")
ETAG = OpenApiParameter("ETag", str, HEADER, description="The ETag of the current version.", response=True)
LOCATION = OpenApiParameter("Location", str, HEADER, description="URL of the object.", response=True)


def example(value: dict) -> Callable:
    """Decorate a serializer with an example of a request."""
    return extend_schema_serializer(examples=[OpenApiExample("Example", value, request_only=True)])


def operation(
    name: str,
    summary: str,
    response_body: type[serializers.BaseSerializer] | OpenApiTypes | None = None,
    *,
    status: int | Iterable[int] = 200,
    body: type[serializers.BaseSerializer] | None = None,
    query: type[serializers.Serializer] | None = None,
    is_list: bool = False,
    once: bool = False,
    has_own_key: bool = False,
    is_versioned: bool = False,
    may_stream: bool = False,
    errors: Iterable[type[Exception]] = (),
) -> Callable:
    """Decorate a method of an endpoint. `once`: it accepts an Idempotency-Key (`has_own_key`: and handles it itself);
    `is_versioned`: it has an ETag; `may_stream`: 200 may be server-sent events.
    """
    statuses = [status] if isinstance(status, int) else list(status)
    parameters: list = [query] if query else []
    parameters += [KEY] * (once or has_own_key) + (_versions(name) if is_versioned else [])
    errors = [*errors, *([KeyReused, Gone] if once else [])]
    if is_versioned and not name.startswith(("read", "create")):
        errors.append(ChangedMeanwhile)
    answer = page_of(response_body) if is_list and response_body else response_body
    if 201 in statuses or getattr(response_body, "__name__", "") == "AcceptedSerializer":
        parameters.append(_of(LOCATION, statuses))
    if is_versioned and answer:
        parameters.append(_of(ETAG, statuses))
    responses: dict = {each: OpenApiResponse(answer, description=summary) for each in statuses}
    if is_versioned and name.startswith("read"):
        responses[304] = OpenApiResponse(description="Not modified.")
    if may_stream:
        responses[200, "text/event-stream"] = OpenApiResponse(OpenApiTypes.STR, description=summary)
    describe = extend_schema(
        operation_id=name,
        summary=summary,
        request=body,
        responses=responses,
        parameters=parameters,
        extensions={"x-problems": errors},
    )

    def decorate(method: Callable) -> Callable:
        method = describe(method)
        method.query_class, method.body_class = query, body  # for Endpoint, which refuses what they do not have
        return method

    return decorate


def _versions(name: str) -> list[OpenApiParameter]:
    if name.startswith("create"):
        return []
    return [IF_NONE_MATCH] if name.startswith("read") else [IF_MATCH]


def _of(header: OpenApiParameter, statuses: list[int]) -> OpenApiParameter:
    return OpenApiParameter(
        header.name, OpenApiTypes.STR, HEADER, description=header.description, response=[str(s) for s in statuses]
    )


@cache
def page_of(row: type[serializers.BaseSerializer]) -> type[serializers.Serializer]:
    """The serializer for a page of rows."""
    cursor = {"allow_null": True, "help_text": "Value for `?cursor=`; null if there is no such page."}
    fields = {
        "__doc__": "A page of a list.",
        "items": row(many=True),
        "next": serializers.CharField(**cursor),
        "previous": serializers.CharField(**cursor),
    }
    name = row.__name__.removesuffix("Serializer")
    return type(f"{name}PageSerializer", (serializers.Serializer,), fields)
