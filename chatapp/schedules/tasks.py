"""Celery task of schedules: one beat entry starts all of them."""

import logging

from celery import shared_task

from chatapp.schedules import firing
from runs import clock

logger = logging.getLogger(__name__)


@shared_task(name="chatapp.schedules.tasks.tick", ignore_result=True)
def tick() -> None:
    """Start due schedules."""
    if claimed := firing.tick(clock.read()):
        logger.info("claimed %d occurrences of schedules", claimed)
