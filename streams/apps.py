"""Django's configuration of this app."""

from django.apps import AppConfig


class StreamsConfig(AppConfig):
    name = "streams"
