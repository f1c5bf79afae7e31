"""The Celery task of this app."""

from celery import shared_task

from chatapp.openai import retention


@shared_task(name="chatapp.openai.tasks.forget", ignore_result=True)
def forget() -> None:
    """Delete everything past its retention."""
    retention.delete_due()
