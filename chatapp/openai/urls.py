"""URLs of the API that OpenAI's clients speak, below /v1/."""

from django.urls import path, re_path

from chatapp.openai.views import chat, models
from chatapp.openai.views.endpoint import missing

app_name = "openai"
urlpatterns = [
    path("models", models.models, name="models"),
    path("models/<str:name>", models.model, name="model"),
    path("chat/completions", chat.completions, name="chat"),
    re_path(r"", missing, name="missing"),
]
