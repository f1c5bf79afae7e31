"""chatapp: a chat for language models whose answers keep being written when you leave."""

from chatapp.celery import app as celery_app
from chatapp.version import __version__

__all__ = ["__version__", "celery_app"]
