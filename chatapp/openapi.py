"""Parts of the OpenAPI document for addresses that are not described by REST framework's views."""

from collections.abc import Callable, Iterable
from typing import Any

Document = dict[str, Any]
BEARER: list[dict[str, list[str]]] = [{"token": []}]


def schema_ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def content(schema: Document, media_type: str = "application/json") -> Document:
    return {media_type: {"schema": schema}}


def object_schema(description: str, properties: Document, required: Iterable[str] = ()) -> Document:
    """An object that may have more members than these."""
    schema = {"type": "object", "description": description, "properties": properties, "additionalProperties": True}
    return schema | ({"required": list(required)} if required else {})


def path_parameter(name: str, description: str) -> Document:
    return {"in": "path", "name": name, "required": True, "schema": {"type": "string"}, "description": description}


def query_parameter(name: str, schema: Document, description: str) -> Document:
    return {"in": "query", "name": name, "schema": schema, "description": description}


def operation(
    name: str,
    summary: str,
    description: str,
    tag: str,
    responses: Document,
    *,
    body: Document | None = None,
    parameters: Iterable[Document] = (),
) -> Document:
    """An operation of a program with a token. `body` is the content of a required request body."""
    described = {
        "operationId": name,
        "summary": summary,
        "description": description,
        "tags": [tag],
        "security": BEARER,
        "responses": responses,
    }
    if parameters := list(parameters):
        described["parameters"] = parameters
    return described | ({"requestBody": {"required": True, "content": body}} if body else {})


def hook(paths: Document, schemas: Document) -> Callable[..., Document]:
    """A hook of the OpenAPI generator that adds these addresses and schemas."""

    def add(result: Document, generator: object, request: object, public: bool) -> Document:
        result["paths"] |= paths
        result["components"]["schemas"] |= schemas
        return result

    return add
