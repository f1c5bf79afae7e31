"""What the OpenAPI document says about /api/chat. The protocol itself is the AI SDK's (docs/aisdk.md)."""

from typing import Any

from chatapp.openapi import content, hook, object_schema, operation, path_parameter, query_parameter, schema_ref

TAG = "chat"
STRING = {"type": "string"}
OBJECTS = {"type": "array", "items": {"type": "object", "additionalProperties": True}}
STREAM = content(STRING, "text/event-stream")
NAME = path_parameter("name", "The chat's id, chosen by the client.")
ERRORS = {
    400: "The body is not JSON.",
    401: "The token is missing, unknown or expired.",
    403: "The token may not do this.",
    404: "There is no such chat or message, or it is another user's.",
    413: "The request is too large.",
    422: "A field is invalid. `fields` names it.",
    429: "Too many requests. `Retry-After` says when to try again.",
    500: "The server failed.",
    503: "No worker can be reached.",
}

SCHEMAS: dict[str, Any] = {
    "UIChatRequest": object_schema(
        "A user's message, or a request for another answer.",
        {
            "id": STRING | {"description": "The chat's id, chosen by the client."},
            "messages": OBJECTS | {"description": "The chat's messages, of which the last one is sent."},
            "message": {"type": "object", "additionalProperties": True, "description": "Instead of `messages`."},
            "trigger": {"type": "string", "enum": ["submit-message", "regenerate-message"]},
            "messageId": {"type": ["string", "null"], "description": "The message to edit or to regenerate."},
            "model": {"type": ["string", "null"]},
        },
        ["id"],
    ),
    "UIChat": object_schema(
        "A chat's messages, and the stream that is active.",
        {"id": STRING, "activeStreamId": {"type": ["string", "null"]}, "messages": OBJECTS},
        ["id", "messages"],
    ),
    "UIStopRequest": object_schema(
        "Which answer to stop; empty: the active one.", {"activeStreamId": {"type": ["string", "null"]}}
    ),
    "UIStopped": object_schema(
        "What the request did.",
        {"state": {"type": "string", "enum": ["stopping", "stopped", "already_final"]}},
        ["state"],
    ),
}


def _responses(answers: dict[str, Any], *statuses: int) -> dict[str, Any]:
    error = content(schema_ref("Problem"), "application/problem+json")
    common = {*statuses, 401, 403, 413, 429, 500}
    return answers | {str(each): {"description": ERRORS[each], "content": error} for each in sorted(common)}


PATHS: dict[str, Any] = {
    "/api/chat": {
        "post": operation(
            "send_ui_message",
            "Send a message of a `useChat` page, or regenerate an answer",
            "Streams the answer in the AI SDK's protocol. The answer goes on without its page.",
            TAG,
            _responses({"200": {"description": "The stream.", "content": STREAM}}, 400, 404, 422, 503),
            body=content(schema_ref("UIChatRequest")),
        )
    },
    "/api/chat/{name}": {
        "get": operation(
            "read_ui_chat",
            "Read the messages with which a page begins",
            "In the AI SDK's format.",
            TAG,
            _responses({"200": {"description": "The chat.", "content": content(schema_ref("UIChat"))}}, 404),
            parameters=[NAME],
        )
    },
    "/api/chat/{name}/stream": {
        "get": operation(
            "resume_ui_chat",
            "Follow the active answer from its start",
            "What `resume` of `useChat` requests after a reload.",
            TAG,
            _responses(
                {
                    "200": {"description": "The stream.", "content": STREAM},
                    "204": {"description": "No answer is active."},
                },
                404,
            ),
            parameters=[NAME, query_parameter("run", STRING, "Follow this run, which may have ended.")],
        )
    },
    "/api/chat/{name}/stop": {
        "post": operation(
            "stop_ui_chat",
            "Stop the active answer",
            "Its text so far is kept.",
            TAG,
            _responses(
                {
                    "200": {"description": "It had ended before.", "content": content(schema_ref("UIStopped"))},
                    "202": {"description": "It is being stopped.", "content": content(schema_ref("UIStopped"))},
                },
                400,
                404,
                422,
            ),
            body=content(schema_ref("UIStopRequest")),
            parameters=[NAME],
        )
    },
}

add_paths = hook(PATHS, SCHEMAS)
