"""Django's entry for sessions and messages."""

from django.apps import AppConfig


class ChatsConfig(AppConfig):
    name = "chatapp.chats"
    label = "chats"
