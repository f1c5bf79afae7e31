"""Celery: queues, workers and the schedule of beat."""

from chatapp.settings.environment import env
from chatapp.settings.paths import DATA_DIR
from chatapp.settings.redis import CHANNEL_PREFIX, REDIS_URL

WORKER_CONCURRENCY = env.int("WORKER_CONCURRENCY", default=1000)  # runs that a gevent worker executes at once

GENERATION_QUEUE = "generation"  # answers
TITLES_QUEUE = "titles"  # titles call a model: a worker that is full of runs leaves them waiting
UPKEEP_QUEUE = "upkeep"  # the reaper and other short work, for which every worker keeps slots free
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{CHANNEL_PREFIX}:",
    "socket_connect_timeout": 3,  # s; sending a task must not hang while the broker is down,
    "socket_timeout": 4,  # s; nor while it does not respond. A worker's own waits there take 1 s
    "socket_keepalive": True,
    "max_retries": 1,  # kombu's own 6 s are too long
    "interval_start": 0.2,  # s; for a user who waits to learn that the broker is down
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = UPKEEP_QUEUE
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_QUEUES = {GENERATION_QUEUE: {}, TITLES_QUEUE: {}, UPKEEP_QUEUE: {}}
CELERY_TASK_ROUTES = {
    "runs.tasks.generate": {"queue": GENERATION_QUEUE},
    "runs.tasks.write_title": {"queue": TITLES_QUEUE},
}
CELERY_TASK_PUBLISH_RETRY = False  # the run ends FAILED at once and the user is told, see runs/lifecycle/dispatch.py
CELERY_TASK_ACKS_LATE = False  # late acks + Redis' visibility timeout would start a second copy of a long run
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONSUMER = "runs.worker.consumer:ResilientConsumer"
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULER = "runs.worker.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {  # all in s
    "reap": {"task": "runs.tasks.reap", "schedule": 3.0},
    "compare": {"task": "chatapp.compare.tasks.advance", "schedule": 5.0},
    "schedules": {"task": "chatapp.schedules.tasks.tick", "schedule": 15.0},
    "forget": {"task": "chatapp.openai.tasks.forget", "schedule": 60.0},
    "files": {"task": "chatapp.files.tasks.delete_due", "schedule": 60.0},
    "release_files": {"task": "chatapp.files.tasks.release_all", "schedule": 86_400.0},
    "webhooks": {"task": "chatapp.webhooks.tasks.send_due", "schedule": 5.0},
    "webhooks_sweep": {"task": "chatapp.webhooks.tasks.sweep", "schedule": 30.0},
    "make_html": {"task": "runs.tasks.make_html", "schedule": 5.0},
    "reduce_logs": {"task": "runs.tasks.reduce_logs", "schedule": 5.0},
    "tidy": {"task": "runs.tasks.tidy", "schedule": 86_400.0},
}
