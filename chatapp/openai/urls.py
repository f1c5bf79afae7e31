"""URLs of the OpenAI-compatible API, below /v1/."""

from django.urls import path, re_path

from chatapp.openai.views import chat, compact, conversations, files, input_tokens, models, relays, responses
from chatapp.openai.views.endpoint import missing

app_name = "openai"
urlpatterns = [
    path("models", models.models, name="models"),
    path("models/<path:name>", models.model, name="model"),
    path("files", files.files, name="files"),
    path("files/<str:file_id>", files.file, name="file"),
    path("files/<str:file_id>/content", files.content, name="file_content"),
    path("chat/completions", chat.completions, name="chat"),
    path("completions", relays.completions, name="completions"),
    path("embeddings", relays.embeddings, name="embeddings"),
    path("responses", responses.responses, name="responses"),
    path("responses/input_tokens", input_tokens.input_tokens, name="input_tokens"),
    path("responses/compact", compact.compact, name="compact"),
    path("responses/<str:response_id>", responses.response, name="response"),
    path("responses/<str:response_id>/cancel", responses.cancel, name="cancel"),
    path("responses/<str:response_id>/input_items", responses.input_items, name="input_items"),
    path("conversations", conversations.conversations, name="conversations"),
    path("conversations/<str:name>", conversations.conversation, name="conversation"),
    path("conversations/<str:name>/items", conversations.items, name="conversation_items"),
    path("conversations/<str:name>/items/<str:item_id>", conversations.item, name="conversation_item"),
    re_path(r"", missing, name="missing"),
]
