"""App configuration of set-up, supervision, health and commands."""

from pathlib import Path

from django.apps import AppConfig
from django.conf import settings

from chatapp.ops.private_files import make_private_and_report


class OpsConfig(AppConfig):
    name = "chatapp.ops"

    def ready(self):
        database = settings.DATABASES["default"]
        is_file = database["ENGINE"].endswith("sqlite3") and not str(database["NAME"]).startswith(("file:", ":memory:"))
        make_private_and_report(settings.DATA_DIR, Path(database["NAME"]) if is_file else None)
