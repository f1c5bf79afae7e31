"""A worker that loses its connection to the broker."""

import pytest
from kombu import Connection

from chatapp.celery import app
from runs.worker.consumer import ResilientConsumer

pytestmark = pytest.mark.one_database


class Cleared(Connection):
    """A connection as kombu leaves it if its messages cannot be returned: see runs/worker/consumer.py."""

    def release(self):
        raise AttributeError("'NoneType' object has no attribute 'hostname'")

    close = release


def test_the_worker_survives_a_connection_that_cannot_be_closed():
    consumer = object.__new__(ResilientConsumer)  # without the rest of a worker
    consumer.app = app
    consumer.connection = Cleared("memory://")
    consumer.connection.connect()
    consumer.on_connection_error_after_connected(ConnectionError("gone"))
    assert consumer.connection is None
