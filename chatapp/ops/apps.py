"""Django's entry for set-up, supervision and commands."""

from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "chatapp.ops"
