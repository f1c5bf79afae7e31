"""Names by which processes of two versions understand each other during an update.

An old web server sends to a new worker, a new one to an old worker, and messages of the version before wait in the
broker. A change here has to keep the old name working for one version.
"""

import inspect
from uuid import UUID

from django.conf import settings

from chatapp.celery import app
from runs.maintenance.counters import Tally
from streams.delivery.fanout import MESSAGE_TYPE, group_messages, group_of
from streams.delivery.writer import WriterState
from streams.events import Event, Kind

TASKS = {
    "chatapp.compare.tasks.advance": ("upkeep", []),
    "chatapp.files.tasks.delete_due": ("upkeep", []),
    "chatapp.files.tasks.release_all": ("upkeep", []),
    "chatapp.openai.tasks.forget": ("upkeep", []),
    "chatapp.schedules.tasks.tick": ("upkeep", []),
    "chatapp.webhooks.tasks.send_due": ("upkeep", []),
    "chatapp.webhooks.tasks.sweep": ("upkeep", []),
    "runs.tasks.generate": ("generation", ["run_id"]),
    "runs.tasks.make_html": ("upkeep", []),
    "runs.tasks.reap": ("upkeep", []),
    "runs.tasks.reduce_logs": ("upkeep", []),
    "runs.tasks.tidy": ("upkeep", ["after"]),
    "runs.tasks.write_title": ("titles", ["run_id"]),
}


def queue_and_arguments(name: str) -> tuple[str, list[str]]:
    return app.amqp.router.route({}, name)["queue"].name, list(inspect.signature(app.tasks[name].run).parameters)


def test_tasks_keep_their_names_arguments_and_queues():
    app.loader.import_default_modules()
    ours = [name for name in app.tasks if not name.startswith("celery.")]
    assert {name: queue_and_arguments(name) for name in ours} == TASKS


def test_everything_in_valkey_keeps_its_prefix():
    assert settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] == settings.CHANNEL_PREFIX
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"] == f"{settings.CHANNEL_PREFIX}:"


def test_group_messages_keep_their_layout():
    stream = UUID(int=7)
    messages = group_messages([Event(stream, 1, Kind.QUEUED, b"{}"), Event(stream, 2, Kind.STARTED, b"{}")])
    [(shard, message)] = messages.items()
    assert group_of(shard) == f"streams.{shard}"
    assert message.keys() == {"type", "at", "streams"} and message["type"] == MESSAGE_TYPE == "streams.batch"
    [[key, first, is_final, envelopes]] = message["streams"]
    assert (key, first, is_final, len(envelopes)) == (stream.bytes, 1, False, 2)


def test_counters_of_workers_keep_their_names():
    assert Tally().figures().keys() == {"ended", "codes", "times"}
    writer = "waiting_events waiting_bytes batches events commit_seconds last_commit_seconds fenced"
    assert " ".join(WriterState._fields) == writer


def test_sessions_stay_logged_in():
    assert (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME) == ("chatapp_session", "csrftoken")
