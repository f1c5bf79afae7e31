"""A consumer that survives every loss of its broker.

When a connection is lost, kombu returns messages that were received and not yet started to the broker. If the broker
does not answer and the connection has been cleared already, that raises AttributeError. Celery expects only connection
errors there and exits: "Unrecoverable error". It is safe to go on: a run whose message was not returned is found
waiting and dispatched again (`runs/lifecycle/redispatch.py`).
"""

import logging

from celery.worker.consumer import Consumer

logger = logging.getLogger(__name__)


class ResilientConsumer(Consumer):
    def on_connection_error_after_connected(self, exc: Exception) -> None:
        try:
            super().on_connection_error_after_connected(exc)
        except Exception:
            logger.exception("a connection to the broker could not be closed; reconnecting")
