"""App configuration of sessions and messages."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class ChatsConfig(AppConfig):
    name = "chatapp.chats"
    label = "chats"

    def ready(self) -> None:
        from chatapp.chats.search import drop_triggers, ensure_index

        pre_migrate.connect(drop_triggers, sender=self)
        post_migrate.connect(ensure_index, sender=self)
