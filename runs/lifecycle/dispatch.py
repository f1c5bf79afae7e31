"""The only module outside of the workers that talks to Celery: send a task, revoke it, measure the queue."""

import logging
from uuid import UUID

from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

GENERATE = "runs.tasks.generate"


class BrokerDown(Exception):
    """The task broker could not be reached."""


def start(run_id: UUID, task_id: UUID) -> None:
    """Send the run's task to the workers. Raises BrokerDown, at once and without retrying: a user is waiting."""
    try:
        current_app.send_task(
            GENERATE, args=[str(run_id)], task_id=str(task_id), queue=settings.GENERATION_QUEUE, retry=False
        )
        logger.info("run %s was given task %s", run_id, task_id)
    except (OperationalError, OSError) as error:
        raise BrokerDown(str(error)) from error


def request_title(run_id: UUID) -> None:
    """Have a worker write a title for the run's session. If the broker is down, there is none."""
    try:
        current_app.send_task("runs.tasks.write_title", args=[str(run_id)], retry=False)
    except (OperationalError, OSError) as error:
        logger.info("no title for the session of run %s: %s", run_id, error)


def consumed_queues() -> list[str]:
    """Names of the queues that this worker consumes."""
    return sorted(current_app.amqp.queues.consume_from)


def backlog() -> int:
    """Number of tasks that wait for a worker in the generation queue. Raises BrokerDown."""
    with current_app.connection_for_read() as connection:
        queue = current_app.amqp.queues[settings.GENERATION_QUEUE]
        try:
            # Not a passive declaration: kombu (5.7) looks for the queue without its key prefix, and finds none.
            return queue.bind(connection.default_channel).queue_declare().message_count
        except (OperationalError, *connection.connection_errors) as error:
            raise BrokerDown(str(error)) from error


def revoke(task_id: UUID) -> None:
    """Interrupt a task wherever it runs. May get lost: the worker also reads the stop request in the database."""
    try:
        current_app.control.revoke(str(task_id), terminate=True, signal="SIGTERM")
    except (OperationalError, OSError) as error:
        logger.warning("revoke of task %s could not be sent: %s", task_id, error)


def send_soon(task: str) -> None:
    """Send a periodic task now instead of at beat's next turn. If the broker is down, beat sends it later."""
    try:
        current_app.send_task(task, retry=False)
    except (OperationalError, OSError) as error:
        logger.info("%s could not be sent: %s", task, error)
