"""What an operation is called, takes, gives and refuses: said beside it, for the schema (`chatapp.api.schema`)."""

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
    description=f"Up to {KEY_CHARACTERS} printable characters of yours: the same again is done once.",
)
IF_MATCH = OpenApiParameter("If-Match", str, HEADER, description="Only if this ETag is still the right one.")
IF_NONE_MATCH = OpenApiParameter("If-None-Match", str, HEADER, description="304 if this ETag is still the right one.")
ETAG = OpenApiParameter("ETag", str, HEADER, description="Of this version.", response=True)
LOCATION = OpenApiParameter("Location", str, HEADER, description="Where it can be read.", response=True)


def example(value: dict) -> Callable:
    """Decorates a serializer: what a request may send."""
    return extend_schema_serializer(examples=[OpenApiExample("Example", value, request_only=True)])


def operation(
    name: str,
    summary: str,
    gives: type[serializers.BaseSerializer] | OpenApiTypes | None = None,
    *,
    status: int | Iterable[int] = 200,
    takes: type[serializers.BaseSerializer] | None = None,
    asks: type[serializers.Serializer] | None = None,
    is_list: bool = False,
    once: bool = False,
    keyed: bool = False,
    is_versioned: bool = False,
    errors: Iterable[type[Exception]] = (),
) -> Callable:
    """Decorates a method of an endpoint. `once`: it takes an Idempotency-Key (`keyed`: one that it sees to itself),
    `is_versioned`: it has an ETag.
    """
    statuses = [status] if isinstance(status, int) else list(status)
    parameters: list = [asks] if asks else []
    parameters += [KEY] * (once or keyed) + (_versions(name) if is_versioned else [])
    errors = [*errors, *([KeyReused, Gone] if once else [])]
    if is_versioned and not name.startswith(("read", "create")):
        errors.append(ChangedMeanwhile)
    answer = page_of(gives) if is_list and gives else gives
    if 201 in statuses or getattr(gives, "__name__", "") == "AcceptedSerializer":
        parameters.append(_of(LOCATION, statuses))
    if is_versioned and answer:
        parameters.append(_of(ETAG, statuses))
    responses = {each: OpenApiResponse(answer, description=summary) for each in statuses}
    if is_versioned and name.startswith("read"):
        responses[304] = OpenApiResponse(description="You have this version.")
    return extend_schema(
        operation_id=name,
        summary=summary,
        request=takes,
        responses=responses,
        parameters=parameters,
        extensions={"x-problems": errors},
    )


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
    """The serializer of a page of rows."""
    cursor = {"allow_null": True, "help_text": "For `?cursor=`; null: there is none."}
    fields = {
        "__doc__": "A part of a list.",
        "items": row(many=True),
        "next": serializers.CharField(**cursor),
        "previous": serializers.CharField(**cursor),
    }
    name = row.__name__.removesuffix("Serializer")
    return type(f"{name}PageSerializer", (serializers.Serializer,), fields)
