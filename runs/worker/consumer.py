"""A worker that gets over every loss of its broker.

kombu, told that a connection is gone, gives messages that were received and not yet begun back to the broker. If that
does not answer and the connection has been cleared already, this raises AttributeError where Celery expects errors of
connections only, and takes it for the end: "Unrecoverable error". Nothing is lost by going on: what was given back
nowhere is found waiting, and sent again (`runs/lifecycle/redispatch.py`).
"""

import logging

from celery.worker.consumer import Consumer

logger = logging.getLogger(__name__)


class LastingConsumer(Consumer):
    def on_connection_error_after_connected(self, exc: Exception) -> None:
        try:
            super().on_connection_error_after_connected(exc)
        except Exception:
            logger.exception("a connection to the broker could not be closed; a new one is made")
