"""Beat's scheduler: `CELERY_BEAT_SCHEDULER`. It stays right when the clock of its machine does not (B87)."""

import logging
import time
from datetime import UTC, datetime, timedelta

from celery.beat import PersistentScheduler, ScheduleEntry
from kombu.exceptions import OperationalError
from kombu.messaging import Producer

logger = logging.getLogger(__name__)

# Tasks in a queue from which beat sends no more to it: no worker takes them. They do not expire instead, because
# Celery compares the sender's clock with the worker's: one 20 s ahead would drop all of them.
MAX_WAITING = 50

_began, _steady_began = datetime.now(UTC), time.monotonic()


def steady_now() -> datetime:
    """The time by a clock that does not jump; it may be off by what the machine's clock was when beat started."""
    return _began + timedelta(seconds=time.monotonic() - _steady_began)


class Scheduler(PersistentScheduler):
    """Sends the tasks of `CELERY_BEAT_SCHEDULE`, whose periods are lengths of time."""

    def setup_schedule(self) -> None:
        super().setup_schedule()
        now = steady_now()
        for entry in self.schedule.values():
            entry.schedule.nowfun = steady_now
            if entry.last_run_at > now:  # the clock was set back while beat was down: it would wait as long
                entry.last_run_at = now

    def apply_entry(self, entry: ScheduleEntry, producer: Producer | None = None) -> None:
        if producer is not None and self._is_backed_up(entry, producer):
            logger.warning("%s is not sent: %d tasks wait for a worker", entry.task, MAX_WAITING)
            return
        super().apply_entry(entry, producer=producer)

    def _is_backed_up(self, entry: ScheduleEntry, producer: Producer) -> bool:
        name = self.app.amqp.router.route({}, entry.task)["queue"].name
        try:
            queue = self.app.amqp.queues[name].bind(producer.channel)
            return bool(queue.queue_declare().message_count >= MAX_WAITING)
        except (OperationalError, OSError, *producer.connection.connection_errors):
            return False  # sending fails likewise, and Celery logs that
