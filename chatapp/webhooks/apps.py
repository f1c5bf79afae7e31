"""App configuration of webhooks."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "chatapp.webhooks"

    def ready(self):
        from chatapp.webhooks import deliveries  # noqa: F401  (hears of the ends of runs)
