"""Celery task of schedules: one beat entry starts all of them."""

import logging

from celery import shared_task
from django.utils import timezone

from chatapp.schedules import firing

logger = logging.getLogger(__name__)


@shared_task(name="chatapp.schedules.tasks.tick", ignore_result=True)
def tick() -> None:
    """Start due schedules."""
    if claimed := firing.tick(timezone.now()):
        logger.info("claimed %d occurrences of schedules", claimed)
