"""Django's entry for the API that clients of OpenAI's speak."""

from django.apps import AppConfig


class OpenAIConfig(AppConfig):
    name = "chatapp.openai"

    def ready(self):
        from chatapp.chats import stored
        from chatapp.openai import stream_outline  # noqa: F401  (hears of logs that are about to be compacted)
        from chatapp.openai.run_requests import prompt_of
        from chatapp.openai.sizes import stored_of
        from runs.upstream.request import register_program_prompt

        register_program_prompt(prompt_of)
        stored.counts_of_other_apps.append(stored_of)
