"""How many runs a worker executes at once, so that maintenance tasks always find a free slot.

Celery's pools accept every task: a full gevent pool blocks the consumer, which then receives neither a Stop nor
SIGTERM, and the reaper would wait behind the very runs it has to end. So a pool has more slots than runs
(`runs/worker/bootstrap.py`), and a worker at its limit consumes only the maintenance queue. Waiting runs stay in the
broker, where another worker finds them.
"""

from typing import Any

from celery import bootsteps, signals
from celery.worker import state
from celery.worker.consumer import Consumer
from celery.worker.request import Request
from django.conf import settings
from kombu.asynchronous.timer import Entry

from runs.worker.bootstrap import reserved_slots
from runs.worker.watchdog import is_shutting_down

POLL_SECONDS = 0.25  # s between checks whether a full worker has a free slot again


class RunCapacity(bootsteps.StartStopStep):
    """A step of Celery's consumer, added in `chatapp/celery.py`."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Consumer, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._consumer = consumer
        self._timer: Entry | None = None
        self._reserved = reserved_slots(consumer.controller)
        self._queues = [name for name in consumer.app.amqp.queues.consume_from if name != settings.UPKEEP_QUEUE]

    def start(self, consumer: Consumer) -> None:
        """Called again after a lost connection. Queues that were paused before stay paused."""
        signals.task_received.connect(self._pause_when_full, weak=False, dispatch_uid="runs.worker.capacity")
        self._timer = consumer.timer.call_repeatedly(POLL_SECONDS, self._resume)

    def stop(self, consumer: Consumer) -> None:
        if self._timer is not None:
            consumer.timer.cancel(self._timer)
            self._timer = None

    @property
    def _max_runs(self) -> int:
        slots: int = self._consumer.pool.limit
        return max(1, slots - self._reserved)

    @property
    def _run_count(self) -> int:
        return sum(needs_slot(request) for request in list(state.reserved_requests))

    def _pause_when_full(self, request: Request, **kwargs: Any) -> None:
        """Called in the consumer between two messages; the first of them is not yet among the reserved requests."""
        if needs_slot(request) and self._run_count + 1 >= self._max_runs:
            for name in self._queues:
                self._consumer.cancel_task_queue(name)

    def _resume(self) -> None:
        paused = [name for name in self._queues if name not in self._consumer.app.amqp.queues.consume_from]
        if paused and self._consumer.task_consumer and not is_shutting_down() and self._run_count < self._max_runs:
            for name in paused:
                self._consumer.add_task_queue(name)


def needs_slot(request: Request) -> bool:
    """Whether the task came from a queue other than that of maintenance."""
    routing_key: str = request.delivery_info["routing_key"]
    return routing_key != settings.UPKEEP_QUEUE
