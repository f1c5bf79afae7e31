"""Django's entry for the streams."""

from django.apps import AppConfig


class StreamsConfig(AppConfig):
    name = "streams"
