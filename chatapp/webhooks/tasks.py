"""Celery's tasks of webhooks: both are upkeep and short, the sending itself happens beside them."""

from celery import shared_task

from chatapp.webhooks import deliveries, sender


@shared_task(name=deliveries.SEND_DUE, ignore_result=True)
def send_due() -> None:
    """Begin to send what is due."""
    sender.send_due()


@shared_task(name="chatapp.webhooks.tasks.sweep", ignore_result=True)
def sweep() -> None:
    """Create deliveries that a crash has left out, and delete old ones."""
    deliveries.forget()
    if deliveries.sweep():
        sender.send_due()
