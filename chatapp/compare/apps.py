"""App configuration of comparisons."""

from django.apps import AppConfig


class CompareConfig(AppConfig):
    name = "chatapp.compare"

    def ready(self):
        from chatapp.compare import sequence  # noqa: F401  (connects the receiver of run_ended)
