"""Whether what this site says has the types of the `openai` package, strictly: no value is bent to fit."""

from functools import cache
from typing import get_args

import openai.types.responses as types
from openai._models import BaseModel
from openai.types.responses import Response, ResponseStreamEvent


@cache
def event_types() -> dict[str, type[BaseModel]]:
    """The package's classes of events by the name of the event."""
    union = get_args(ResponseStreamEvent)[0]
    return {get_args(kind.model_fields["type"].annotation)[0]: kind for kind in get_args(union)}


def assert_event(event: dict) -> None:
    """`response.cancelled` is ours: its type differs from that of `response.incomplete`, and nothing else does."""
    named = event["type"].replace("response.cancelled", "response.incomplete")
    event_types()[named].model_validate(event | {"type": named}, strict=True)


def assert_response(response: dict) -> None:
    Response.model_validate(response, strict=True)


def assert_items(page: dict) -> None:
    types.ResponseItemList.model_validate(page, strict=True)
