"""Celery tasks of webhooks. Both are short upkeep; threads do the sending."""

from celery import shared_task

from chatapp.webhooks import deliveries, sender


@shared_task(name=deliveries.SEND_DUE, ignore_result=True)
def send_due() -> None:
    """Start senders for due deliveries."""
    sender.send_due()


@shared_task(name="chatapp.webhooks.tasks.sweep", ignore_result=True)
def sweep() -> None:
    """Create deliveries that a crashed process left out, and delete old ones."""
    deliveries.delete_old()
    if deliveries.sweep():
        sender.send_due()
