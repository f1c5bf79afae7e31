"""How many runs a worker takes on at once, so that upkeep always finds a free slot.

Celery's pools take whatever comes: a full gevent pool blocks the consumer, which then hears neither Stop nor SIGTERM,
and the reaper would wait behind the very runs it has to end. So a pool has some slots more than runs
(`runs/worker/bootstrap.py`), and a worker that has its runs takes nothing but upkeep: what waits stays in
the broker, where another worker finds it.
"""

from celery import bootsteps, signals
from celery.worker import state
from celery.worker.consumer import Consumer
from celery.worker.request import Request
from django.conf import settings

from runs.worker.watchdog import is_leaving

LOOK_SECONDS = 0.25  # s between looks whether a full worker has a slot again


class Slots(bootsteps.StartStopStep):
    """The step of Celery's consumer that this module is about; `chatapp/celery.py` adds it."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Consumer, **kwargs) -> None:
        super().__init__(consumer, **kwargs)
        self._consumer, self._look = consumer, None
        self._queues = [name for name in consumer.app.amqp.queues.consume_from if name != settings.UPKEEP_QUEUE]

    def start(self, consumer: Consumer) -> None:
        """Also after a lost connection. What was not being consumed before still is not."""
        signals.task_received.connect(self._pause_when_full, weak=False, dispatch_uid="runs.worker.capacity")
        self._look = consumer.timer.call_repeatedly(LOOK_SECONDS, self._resume)

    def stop(self, consumer: Consumer) -> None:
        if self._look is not None:
            consumer.timer.cancel(self._look)
            self._look = None

    @property
    def _limit(self) -> int:
        """Runs at once."""
        return max(1, self._consumer.pool.limit - self._consumer.controller.reserved_slots)

    @property
    def _taken(self) -> int:
        return sum(needs_slot(request) for request in list(state.reserved_requests))

    def _pause_when_full(self, request: Request, **kwargs) -> None:
        """Called in the consumer, with one message in hand and before the next one is asked for."""
        if needs_slot(request) and self._taken + 1 >= self._limit:
            for name in self._queues:
                self._consumer.cancel_task_queue(name)

    def _resume(self) -> None:
        paused = [name for name in self._queues if name not in self._consumer.app.amqp.queues.consume_from]
        if paused and self._consumer.task_consumer and not is_leaving() and self._taken < self._limit:
            for name in paused:
                self._consumer.add_task_queue(name)


def needs_slot(request: Request) -> bool:
    """Whether the task came from another queue than upkeep's."""
    return request.delivery_info["routing_key"] != settings.UPKEEP_QUEUE
