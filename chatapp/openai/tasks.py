"""Celery's task of the API that OpenAI's clients speak: upkeep."""

from celery import shared_task

from chatapp.openai import retention


@shared_task(name="chatapp.openai.tasks.forget", ignore_result=True)
def forget() -> None:
    """Delete what is not kept any longer."""
    retention.forget_due()
