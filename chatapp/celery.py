"""The Celery application: `celery -A chatapp worker -P gevent`, `celery -A chatapp beat`."""

import os
import time

import kombu.utils.functional
from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")

# Celery 5.7 imports this module before gevent patches `time`. While the broker is away its consumer would then sleep
# in seconds that no greenlet gets: runs could not be ended, and a half-way transaction kept its locks (B6, B37).
kombu.utils.functional.sleep = time.sleep

app = Celery("chatapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add("runs.worker.shutdown:Drain")  # by name: their modules need Django, and are for workers only
app.steps["worker"].add("django_structlog.celery.steps:DjangoStructLogInitStep")  # whose request is it?
app.steps["consumer"].add("runs.worker.capacity:RunCapacity")


@signals.worker_init.connect
def trace_worker(**kwargs) -> None:
    """Before the pool: the children of prefork inherit it."""
    from chatapp.observability import tracing

    tracing.begin("chatapp-worker")
