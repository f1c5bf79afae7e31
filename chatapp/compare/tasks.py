"""Celery tasks of comparisons."""

from celery import shared_task

from chatapp.compare import sequence


@shared_task(name="chatapp.compare.tasks.advance", ignore_result=True)
def advance() -> None:
    """Release panes left waiting by a crashed process."""
    sequence.advance_all()
