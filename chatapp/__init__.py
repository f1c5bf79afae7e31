"""chatapp: a chat for language models whose answers keep being written when you leave."""

from chatapp.celery import app as celery_app
from chatapp.ops.private_files import make_new_files_private
from chatapp.version import __version__

__all__ = ["__version__", "celery_app"]

make_new_files_private()  # here, because every process imports this package before it creates files
