"""Django's entry for the run engine."""

from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "runs"

    def ready(self):
        from runs import checks, pools, signals, tally  # noqa: F401  (register checks, connect Celery's signal handlers)
