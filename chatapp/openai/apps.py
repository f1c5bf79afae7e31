"""App configuration of the OpenAI-compatible API."""

from django.apps import AppConfig


class OpenAIConfig(AppConfig):
    name = "chatapp.openai"

    def ready(self):
        from chatapp.chats import storage_usage
        from chatapp.openai import stream_outline  # noqa: F401  (connects to the signal before a log is compacted)
        from chatapp.openai.run_requests import prompt_of
        from chatapp.openai.sizes import stored_characters
        from runs.upstream.request import register_program_prompt

        register_program_prompt(prompt_of)
        storage_usage.counts_of_other_apps.append(stored_characters)
