"""Django's entry for sessions and messages."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ChatsConfig(AppConfig):
    name = "chatapp.chats"
    label = "chats"

    def ready(self) -> None:
        from chatapp.chats.search import ensure_index

        post_migrate.connect(ensure_index, sender=self)
