"""Django's entry for the API."""

"""The API: the project seen by programs."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "chatapp.api"
