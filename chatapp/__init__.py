"""chatapp: a chat for language models whose answers keep being written when you leave."""

from chatapp.celery import app as celery_app

__all__ = ["celery_app"]
