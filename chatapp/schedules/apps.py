"""App configuration of schedules."""

from django.apps import AppConfig


class SchedulesConfig(AppConfig):
    name = "chatapp.schedules"

    def ready(self):
        from chatapp.schedules import firing  # noqa: F401  (hears of the ends of runs)
