"""App configuration of the pages."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "chatapp.web"
