"""App configuration: checks, signal receivers and Celery's handlers are connected when Django is ready."""

from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "runs"

    def ready(self):
        # Registers system checks and connects Celery's signal handlers.
        from runs import checks  # noqa: F401
        from runs.maintenance import counters  # noqa: F401
        from runs.stream_owner import RunStreams
        from runs.worker import bootstrap, handlers  # noqa: F401
        from streams.owner import register_owner

        register_owner(RunStreams())
