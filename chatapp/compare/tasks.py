"""Celery's task of comparisons: upkeep."""

from celery import shared_task

from chatapp.compare import sequence


@shared_task(name="chatapp.compare.tasks.advance", ignore_result=True)
def advance() -> None:
    """Begin what a crash left waiting for its turn."""
    sequence.advance_all()
