from django.apps import AppConfig


class ChatsConfig(AppConfig):
    name = "chatapp.chats"
    label = "chats"
