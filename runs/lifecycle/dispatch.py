"""The one door to Celery for the rest of the house: start a run's task, revoke it."""

import logging
from uuid import UUID

from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

GENERATE = "runs.tasks.generate"
TITLE_SECONDS = 600  # s after which a title that nobody had time to write is given up
UPKEEP_SECONDS = 30  # s after which a bit of upkeep that was asked for is not needed any more: beat has done it


class BrokerDown(Exception):
    """The task broker could not be reached."""


def start(run_id: UUID, task_id: UUID) -> None:
    """Hand a run to the workers. Raises BrokerDown, at once and without retrying: a person is waiting."""
    try:
        current_app.send_task(
            GENERATE, args=[str(run_id)], task_id=str(task_id), queue=settings.GENERATION_QUEUE, retry=False
        )
        logger.info("run %s was given task %s", run_id, task_id)
    except (OperationalError, OSError) as error:
        raise BrokerDown(str(error)) from error


def write_title(run_id: UUID) -> None:
    """Ask for a title, some time; without a broker there is none."""
    try:
        current_app.send_task("runs.tasks.write_title", args=[str(run_id)], retry=False, expires=TITLE_SECONDS)
    except (OperationalError, OSError) as error:
        logger.info("no title for the session of run %s: %s", run_id, error)


def queues_taken() -> list[str]:
    """The queues that this worker takes tasks from."""
    return sorted(current_app.amqp.queues.consume_from)


def backlog() -> int:
    """How many tasks wait in the queue for a worker. Raises BrokerDown."""
    with current_app.connection_for_read() as connection:
        queue = current_app.amqp.queues[settings.GENERATION_QUEUE]
        try:
            # Not a passive declaration: kombu looks for the queue without its key prefix, and finds none (5.7).
            return queue.bind(connection.default_channel).queue_declare().message_count
        except (OperationalError, *connection.connection_errors) as error:
            raise BrokerDown(str(error)) from error


def revoke(task_id: UUID) -> None:
    """Interrupt a task wherever it runs. May get lost: the worker also looks at the stop request in the database."""
    try:
        current_app.control.revoke(str(task_id), terminate=True, signal="SIGTERM")
    except (OperationalError, OSError) as error:
        logger.warning("revoke of task %s could not be sent: %s", task_id, error)


def ask_upkeep(task: str) -> None:
    """Ask for a bit of upkeep now, and not when beat does; without a broker beat's turn has to be waited for."""
    try:
        current_app.send_task(task, retry=False, expires=UPKEEP_SECONDS)
    except (OperationalError, OSError) as error:
        logger.info("%s could not be asked for: %s", task, error)
