"""App configuration of files."""

from django.apps import AppConfig


class FilesConfig(AppConfig):
    name = "chatapp.files"
    label = "files"
