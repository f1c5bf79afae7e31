"""What the OpenAPI document says about /v1: addresses, the fields that matter here, and errors.

OpenAI's own document describes every field. Requests and answers may have more members than are named here.
"""

from typing import Any

from chatapp.openai.schema_objects import BOOLEAN, INTEGER, METADATA_BODY, SCHEMAS, STRING
from chatapp.openapi import content, hook, operation, path_parameter, query_parameter, schema_ref

TAG = "openai"
ERRORS = {
    400: "The request is invalid. `error.param` names the parameter.",
    401: "The token is missing, unknown or expired.",
    403: "The token may not do this.",
    404: "There is no such object or model, or it is another user's.",
    409: "An answer is being written in the conversation, its messages are other ones, or a file is in use.",
    413: "The request is too large.",
    415: "Files of this type cannot be read.",
    429: "Too many requests. `Retry-After` says when to try again.",
    500: "The server failed.",
    502: "The model's server failed. `error.code` says how.",
    503: "No worker or model server is available.",
    507: "Files cannot be stored at the moment.",
}
BEFORE_A_MODEL = (401, 403, 413, 429, 500)
OF_A_MODEL = (400, *BEFORE_A_MODEL, 404, 409, 502, 503)


def _responses(name: str, statuses: tuple[int, ...], description: str, *, streams: bool = False) -> dict[str, Any]:
    stream = content(STRING, "text/event-stream") if streams else {}
    whole = content(schema_ref(name)) if name else content(STRING | {"format": "binary"}, "application/octet-stream")
    answers: dict[str, Any] = {"200": {"description": description, "content": whole | stream}}
    error = content(schema_ref("OpenAIError"))
    return answers | {str(each): {"description": ERRORS[each], "content": error} for each in sorted(statuses)}


FILE_ID = path_parameter("file_id", "Id of a file.")
RESPONSE_ID = path_parameter("response_id", "Id of a response.")
CONVERSATION_ID = path_parameter("name", "Id of a conversation, or of a session.")
OF_A_RESPONSE = (*BEFORE_A_MODEL, 404)
PAGING = [
    query_parameter("limit", INTEGER | {"minimum": 1, "maximum": 100, "default": 20}, "Most items."),
    query_parameter("order", STRING | {"enum": ["asc", "desc"], "default": "desc"}, "Oldest or newest first."),
    query_parameter("after", STRING, "Begin after the item with this id."),
]

PATHS: dict[str, Any] = {
    "/v1/models": {
        "get": operation(
            "list_openai_models",
            "List the models that you may use",
            "In the format of OpenAI's API.",
            TAG,
            _responses("OpenAIModels", BEFORE_A_MODEL, "The models."),
        )
    },
    "/v1/models/{name}": {
        "get": operation(
            "read_openai_model",
            "Read a model",
            "By its name on this site, its name at its provider, or an alias. Names may contain slashes.",
            TAG,
            _responses("OpenAIModel", OF_A_RESPONSE, "The model."),
            parameters=[path_parameter("name", "A name of a model.")],
        )
    },
    "/v1/files": {
        "get": operation(
            "list_openai_files",
            "List your files",
            "In the format of OpenAI's API, at most 1,000.",
            TAG,
            _responses("OpenAIFiles", BEFORE_A_MODEL, "The files."),
        ),
        "post": operation(
            "create_openai_file",
            "Upload a file",
            "Text in UTF-8 or an image. Messages refer to it by its id.",
            TAG,
            _responses("OpenAIFile", (*BEFORE_A_MODEL, 400, 415, 503, 507), "The file."),
            body=content(schema_ref("FileUpload"), "multipart/form-data"),
        ),
    },
    "/v1/files/{file_id}": {
        "get": operation(
            "read_openai_file",
            "Read what is known about a file",
            "In the format of OpenAI's API.",
            TAG,
            _responses("OpenAIFile", OF_A_RESPONSE, "The file."),
            parameters=[FILE_ID],
        ),
        "delete": operation(
            "delete_openai_file",
            "Delete a file",
            "Files that messages or requests refer to are deleted with the last of them.",
            TAG,
            _responses("FileDeleted", (*OF_A_RESPONSE, 409), "It is deleted."),
            parameters=[FILE_ID],
        ),
    },
    "/v1/files/{file_id}/content": {
        "get": operation(
            "read_openai_file_content",
            "Download a file",
            "Of an image, what was stored of it.",
            TAG,
            _responses("", OF_A_RESPONSE, "The content."),
            parameters=[FILE_ID],
        )
    },
    "/v1/chat/completions": {
        "post": operation(
            "create_chat_completion",
            "Answer messages",
            "Whole, or with `stream` as server-sent events. Disconnecting stops the model.",
            TAG,
            _responses("ChatCompletion", OF_A_MODEL, "The completion.", streams=True),
            body=content(schema_ref("ChatCompletionRequest")),
        )
    },
    "/v1/completions": {
        "post": operation(
            "create_completion",
            "Complete a text",
            "Passed on to the model's server, which may not have it. Disconnecting stops the model.",
            TAG,
            _responses("Completion", OF_A_MODEL, "The completion.", streams=True),
            body=content(schema_ref("CompletionRequest")),
        )
    },
    "/v1/embeddings": {
        "post": operation(
            "create_embeddings",
            "Make vectors of texts",
            "Passed on to the model's server, which may not have it.",
            TAG,
            _responses("Embeddings", OF_A_MODEL, "The vectors."),
            body=content(schema_ref("EmbeddingsRequest")),
        )
    },
    "/v1/responses": {
        "post": operation(
            "create_response",
            "Create a response",
            "Whole, with `stream` as server-sent events, or with `background` to be read later. A response in the "
            "background goes on without its client.",
            TAG,
            _responses("OpenAIResponse", OF_A_MODEL, "The response.", streams=True),
            body=content(schema_ref("ResponseRequest")),
        )
    },
    "/v1/responses/input_tokens": {
        "post": operation(
            "count_input_tokens",
            "Estimate the tokens of a response's input",
            "From the size of its texts, and of the tokens that the model's server has counted so far.",
            TAG,
            _responses("InputTokens", (400, *BEFORE_A_MODEL, 404, 503), "The estimate."),
            body=content(schema_ref("ResponseRequest")),
        )
    },
    "/v1/responses/compact": {
        "post": operation(
            "compact_response",
            "Compact a conversation",
            "The user's messages, and an item with a summary: what to go on with in place of the conversation.",
            TAG,
            _responses("Compaction", OF_A_MODEL, "What to go on with."),
            body=content(schema_ref("CompactionRequest")),
        )
    },
    "/v1/responses/{response_id}": {
        "get": operation(
            "read_response",
            "Read or follow a response",
            "As it is now, or with `stream=true` its events, also after a lost connection.",
            TAG,
            _responses("OpenAIResponse", OF_A_RESPONSE, "The response.", streams=True),
            parameters=[
                RESPONSE_ID,
                query_parameter("stream", BOOLEAN, "Follow it as server-sent events."),
                query_parameter("starting_after", INTEGER, "Begin after the event with this `sequence_number`."),
            ],
        ),
        "delete": operation(
            "delete_response",
            "Stop a response and delete it",
            "Everything that is stored of it is deleted.",
            TAG,
            _responses("ResponseDeleted", OF_A_RESPONSE, "It is deleted."),
            parameters=[RESPONSE_ID],
        ),
    },
    "/v1/responses/{response_id}/cancel": {
        "post": operation(
            "cancel_response",
            "Stop a response",
            "Its text so far is kept. Cancelling one that has ended changes nothing.",
            TAG,
            _responses("OpenAIResponse", OF_A_RESPONSE, "The response as it ended."),
            parameters=[RESPONSE_ID],
        )
    },
    "/v1/responses/{response_id}/input_items": {
        "get": operation(
            "list_input_items",
            "List the input of a response",
            "Its own input, without that of the responses it continues.",
            TAG,
            _responses("ResponseItems", (*OF_A_RESPONSE, 400), "The items."),
            parameters=[RESPONSE_ID, *PAGING],
        )
    },
    "/v1/conversations": {
        "post": operation(
            "create_conversation",
            "Create a conversation",
            "A chat, which is on its owner's pages, too.",
            TAG,
            _responses("Conversation", (400, *BEFORE_A_MODEL), "The conversation."),
            body=content(schema_ref("ConversationRequest")),
        )
    },
    "/v1/conversations/{name}": {
        "get": operation(
            "read_conversation",
            "Read a conversation",
            "Each of your chats is one.",
            TAG,
            _responses("Conversation", OF_A_RESPONSE, "The conversation."),
            parameters=[CONVERSATION_ID],
        ),
        "post": operation(
            "update_conversation",
            "Replace the metadata of a conversation",
            "Its messages stay as they are.",
            TAG,
            _responses("Conversation", (400, *OF_A_RESPONSE), "The conversation."),
            body=content(METADATA_BODY),
            parameters=[CONVERSATION_ID],
        ),
        "delete": operation(
            "delete_conversation",
            "Delete a conversation",
            "Its running answer is stopped, and the chat is deleted.",
            TAG,
            _responses("ResponseDeleted", OF_A_RESPONSE, "It is deleted."),
            parameters=[CONVERSATION_ID],
        ),
    },
    "/v1/conversations/{name}/items/{item_id}": {
        "get": operation(
            "read_conversation_item",
            "Read an item of a conversation",
            "One of those that the chat shows.",
            TAG,
            _responses("ResponseItem", OF_A_RESPONSE, "The item."),
            parameters=[CONVERSATION_ID, path_parameter("item_id", "Id of an item.")],
        )
    },
    "/v1/conversations/{name}/items": {
        "post": operation(
            "add_conversation_items",
            "Add items to a conversation",
            "Up to 20. What no answer follows waits for one, which is added or asked for later.",
            TAG,
            _responses("ResponseItems", (400, *OF_A_RESPONSE, 409), "The items as they were added."),
            body=content(schema_ref("ItemsRequest")),
            parameters=[CONVERSATION_ID],
        ),
        "get": operation(
            "list_conversation_items",
            "List the items of a conversation",
            "Those of the branch that the chat shows.",
            TAG,
            _responses("ResponseItems", (*OF_A_RESPONSE, 400), "The items."),
            parameters=[CONVERSATION_ID, *PAGING],
        ),
    },
}

add_paths = hook(PATHS, SCHEMAS)
