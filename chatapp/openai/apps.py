"""Django's entry for the API that clients of OpenAI's speak."""

from django.apps import AppConfig


class OpenAIConfig(AppConfig):
    name = "chatapp.openai"

    def ready(self):
        from chatapp.openai import score  # noqa: F401  (hears of logs that are about to be compacted)
