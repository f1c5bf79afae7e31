"""The objects of /v1 in the OpenAPI document: requests, answers and errors, with the fields that matter here."""

from typing import Any

from chatapp.openapi import object_schema, schema_ref

STRING, BOOLEAN, INTEGER, NUMBER = ({"type": name} for name in ("string", "boolean", "integer", "number"))
ANY_OBJECT = {"type": "object", "additionalProperties": True}
CONVERSATION = {
    "oneOf": [STRING, object_schema("A conversation.", {"id": STRING}, ["id"])],
    "description": "The chat that this request continues. Its messages so far go before these.",
}
METADATA = ANY_OBJECT | {"description": "`session`: the chat whose messages these are, with new ones at the end."}
METADATA_BODY = object_schema("Metadata.", {"metadata": ANY_OBJECT})
OBJECTS = {"type": "array", "items": ANY_OBJECT}
ANYTHING = {"type": "array", "items": {}}  # texts, tokens, lists of tokens
SCHEMAS: dict[str, Any] = {
    "OpenAIError": object_schema(
        "An error in the format of OpenAI's API. docs/openai.md lists the codes.",
        {
            "error": object_schema(
                "What is wrong.",
                {"message": STRING, "type": STRING, "param": {"type": ["string", "null"]}, "code": STRING},
                ["message", "type", "code"],
            )
        },
        ["error"],
    ),
    "OpenAIModel": object_schema(
        "A model that the token's user may use.",
        {"id": STRING, "object": {"const": "model"}, "created": INTEGER, "owned_by": STRING},
        ["id", "object"],
    ),
    "OpenAIModels": object_schema(
        "Models, the default first.",
        {"object": {"const": "list"}, "data": {"type": "array", "items": schema_ref("OpenAIModel")}},
        ["object", "data"],
    ),
    "OpenAIFile": object_schema(
        "A file, as found: text in UTF-8, or an image, which is written anew.",
        {
            "id": STRING,
            "object": {"const": "file"},
            "bytes": INTEGER,
            "created_at": INTEGER,
            "expires_at": {"type": ["integer", "null"], "description": "When it is deleted unless something uses it."},
            "filename": STRING,
            "purpose": STRING,
            "status": STRING,
        },
        ["id", "object", "bytes", "filename"],
    ),
    "OpenAIFiles": object_schema(
        "Files, the newest first.",
        {
            "object": {"const": "list"},
            "data": {"type": "array", "items": schema_ref("OpenAIFile")},
            "has_more": BOOLEAN,
            "first_id": {"type": ["string", "null"]},
            "last_id": {"type": ["string", "null"]},
        },
        ["object", "data", "has_more"],
    ),
    "FileDeleted": object_schema(
        "What was deleted.",
        {"id": STRING, "object": {"const": "file"}, "deleted": {"const": True}},
        ["id", "deleted"],
    ),
    "FileUpload": object_schema(
        "A form with a file. `purpose` has no effect.",
        {"file": STRING | {"format": "binary"}, "purpose": STRING},
        ["file"],
    ),
    "ChatCompletionRequest": object_schema(
        "A request for a chat completion.",
        {
            "model": STRING | {"description": "Missing: the site's default."},
            "messages": {"type": "array", "items": ANY_OBJECT, "minItems": 1},
            "stream": BOOLEAN,
            "temperature": NUMBER,
            "max_completion_tokens": INTEGER,
            "tools": OBJECTS,
            "conversation": CONVERSATION,
            "metadata": METADATA,
        },
        ["messages"],
    ),
    "ChatCompletion": object_schema(
        "A chat completion.",
        {
            "id": STRING,
            "object": {"const": "chat.completion"},
            "created": INTEGER,
            "model": STRING,
            "choices": OBJECTS,
            "usage": ANY_OBJECT,
        },
        ["id", "object", "choices"],
    ),
    "CompletionRequest": object_schema(
        "A request for a plain completion. All parameters go to the model's server.",
        {"model": STRING, "prompt": {"oneOf": [STRING, ANYTHING]}, "stream": BOOLEAN, "max_tokens": INTEGER},
        ["model", "prompt"],
    ),
    "Completion": object_schema(
        "A plain completion, as the model's server sent it.",
        {"id": STRING, "object": STRING, "created": INTEGER, "model": STRING, "choices": OBJECTS, "usage": ANY_OBJECT},
        [],
    ),
    "EmbeddingsRequest": object_schema(
        "A request for embeddings. All parameters go to the model's server.",
        {
            "model": STRING,
            "input": {"oneOf": [STRING, ANYTHING]},
            "encoding_format": STRING | {"enum": ["float", "base64"]},
            "dimensions": INTEGER,
        },
        ["model", "input"],
    ),
    "Embeddings": object_schema(
        "A vector for each text, as the model's server sent them.",
        {"object": STRING, "data": OBJECTS, "model": STRING, "usage": ANY_OBJECT},
        [],
    ),
    "InputTokens": object_schema(
        "An estimate.",
        {"object": {"const": "response.input_tokens"}, "input_tokens": INTEGER},
        ["object", "input_tokens"],
    ),
    "CompactionRequest": object_schema(
        "A conversation, by its items, by its last response, or both.",
        {
            "model": STRING | {"description": "Missing: the site's default."},
            "input": {"oneOf": [STRING, OBJECTS]},
            "previous_response_id": STRING,
            "instructions": STRING,
        },
    ),
    "Compaction": object_schema(
        "Items that stand for a conversation.",
        {
            "id": STRING,
            "object": {"const": "response.compaction"},
            "created_at": INTEGER,
            "output": OBJECTS,
            "usage": {"oneOf": [ANY_OBJECT, {"type": "null"}]},
        },
        ["id", "object", "created_at", "output"],
    ),
    "ResponseRequest": object_schema(
        "A request for a response.",
        {
            "model": STRING | {"description": "Missing: the site's default."},
            "input": {"oneOf": [STRING, OBJECTS]},
            "instructions": STRING,
            "previous_response_id": STRING,
            "conversation": CONVERSATION,
            "metadata": METADATA,
            "stream": BOOLEAN,
            "background": BOOLEAN | {"description": "Return at once; read, follow or cancel the response by its id."},
            "store": BOOLEAN,
            "tools": OBJECTS,
        },
        ["input"],
    ),
    "OpenAIResponse": object_schema(
        "A response, as it is now.",
        {
            "id": STRING,
            "object": {"const": "response"},
            "status": {
                "type": "string",
                "enum": ["queued", "in_progress", "completed", "failed", "cancelled", "incomplete"],
            },
            "model": STRING,
            "output": OBJECTS,
            "usage": {"oneOf": [ANY_OBJECT, {"type": "null"}]},
        },
        ["id", "object", "status", "output"],
    ),
    "ResponseDeleted": object_schema(
        "What was deleted.",
        {"id": STRING, "object": STRING, "deleted": {"const": True}},
        ["id", "deleted"],
    ),
    "ConversationRequest": object_schema(
        "A new conversation. System messages among its items are its system prompt.",
        {"metadata": ANY_OBJECT | {"description": "`title` names the chat."}, "items": OBJECTS},
    ),
    "Conversation": object_schema(
        "A chat.",
        {"id": STRING, "object": {"const": "conversation"}, "created_at": INTEGER, "metadata": ANY_OBJECT},
        ["id", "object", "created_at", "metadata"],
    ),
    "ItemsRequest": object_schema("Items to add.", {"items": OBJECTS}, ["items"]),
    "ResponseItem": object_schema("An item.", {"id": STRING, "type": STRING}, ["id", "type"]),
    "ResponseItems": object_schema(
        "A page of items.",
        {
            "object": {"const": "list"},
            "data": OBJECTS,
            "has_more": BOOLEAN,
            "first_id": {"type": ["string", "null"]},
            "last_id": {"type": ["string", "null"]},
        },
        ["object", "data", "has_more"],
    ),
}
