"""Django's entry for comparisons."""

from django.apps import AppConfig


class CompareConfig(AppConfig):
    name = "chatapp.compare"

    def ready(self):
        from chatapp.compare import sequence  # noqa: F401  (hears of the ends of runs)
