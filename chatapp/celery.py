"""The Celery application: `celery -A chatapp worker -P gevent`, `celery -A chatapp beat`."""

import os
import time

import kombu.utils.functional
from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")

# Celery 5.7 imports this module before gevent patches `time`. While the broker is down, its consumer would then sleep
# without yielding to greenlets: runs could not end, and an open transaction kept its locks (B6, B37).
kombu.utils.functional.sleep = time.sleep

app = Celery("chatapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add("runs.worker.shutdown:Drain")  # by name: their modules need Django, and only workers need them
app.steps["worker"].add("django_structlog.celery.steps:DjangoStructLogInitStep")  # the request that started the task
app.steps["consumer"].add("runs.worker.capacity:RunCapacity")


@signals.worker_init.connect
def trace_worker(**kwargs) -> None:
    """Start tracing before the pool: prefork children inherit it."""
    from chatapp.observability import tracing

    tracing.begin("chatapp-worker")
