"""The admin's list with very many runs: `python -m tests.bench.admin --runs 1000000 --events 10000000`.

Seeds PostgreSQL with INSERT … SELECT (runs of the last 90 days, in sessions of 200 users, and their events), then asks
the list and its questions through Django's own handlers, and prints the median time and the queries of each.
"""

import argparse
import os
import statistics
import time

from tests.harness import databases, processes
from tests.harness.stack import clean_env

TIMES = 7  # odd: the median is one of them
USERS = 200
EVENTS_A_RUN = 50

QUESTIONS = {
    "the list": "",
    "its tenth page": "p=10",
    "completed": "status__exact=completed",
    "lost": "status__exact=lost",
    "running longer than 5 minutes?": "running_for=300",
    "no token for a minute?": "silent_for=60",
    "waiting for a worker?": "waiting_for=10",
    "asked to stop, still going?": "stop_pending=yes",
    "stopped by somebody else?": "stopped_by=other",
    "failed with time_limit?": "failed_with=time_limit",
    "started by the API": "trigger__exact=api",
    "of one user": "q=user-7",
    "by its id": "q={run}",
    "by its task": "q={task}",
}

SEED = """
INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
  SELECT '', n = 0, 'user-' || n, '', '', '', n = 0, true, now() FROM generate_series(0, {users} - 1) n;
INSERT INTO runs_provider (name, base_url, key_env) VALUES ('seed', 'http://127.0.0.1:9/v1', '');
INSERT INTO runs_model (name, label, provider_id, upstream_id, system_prompt, parameters, enabled, is_default)
  SELECT 'seed', 'Seed', id, 'seed', '', '{{}}', true, true FROM runs_provider;
"""


def seed(runs: int, events: int) -> None:
    """A tenth as many sessions as runs; each run answers a message of its own."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(SEED.format(users=USERS))
        _copy_of_one(cursor, "chats_session", runs // 10, _session())
        cursor.execute("CREATE TEMP TABLE s AS SELECT id, row_number() OVER () - 1 AS n FROM chats_session")
        cursor.execute("CREATE UNIQUE INDEX ON s (n)")
        session = f"(SELECT id FROM s WHERE s.n = n.n %% {runs // 10})"
        _copy_of_one(cursor, "chats_message", runs, {**_message(), "session_id": session})
        cursor.execute("CREATE TEMP TABLE m AS SELECT id, session_id, row_number() OVER () - 1 AS n FROM chats_message")
        cursor.execute("CREATE UNIQUE INDEX ON m (n)")
        _copy_of_one(cursor, "runs_run", runs, _run(), source="m AS n")
        cursor.execute(
            f"""INSERT INTO streams_event (stream, seq, kind, data, at)
            SELECT r.id, e, CASE WHEN e = {EVENTS_A_RUN} THEN 'run.completed' ELSE 'text.delta' END,
              '{{"text": "some words "}}', r.queued_at + e * interval '50 ms'
            FROM (SELECT id, queued_at FROM runs_run ORDER BY queued_at DESC LIMIT {events // EVENTS_A_RUN}) r,
            generate_series(1, {EVENTS_A_RUN}) e"""
        )
        cursor.execute("VACUUM ANALYZE")  # as autovacuum does, some time


def _copy_of_one(cursor, table: str, count: int, values: dict[str, str], source: str = "") -> None:
    """Rows with these expressions over `n`; every other column has the default of its Django field."""
    from django.apps import apps

    [model] = [model for model in apps.get_models() if model._meta.db_table == table]
    columns = {}
    for field in model._meta.local_concrete_fields:
        if field.column in values:
            columns[field.column] = values[field.column]
        elif not field.primary_key or field.has_default():
            default = field.get_db_prep_save(field.get_default(), connection=_connection())
            without = "NULL" if field.null else "now()"
            columns[field.column] = without if default is None else cursor.mogrify("%s", [default])
    names, expressions = ", ".join(columns), ", ".join(columns.values())
    rows = source or f"generate_series(0, {count - 1}) AS n(n)"
    cursor.execute(f"INSERT INTO {table} ({names}) SELECT {expressions} FROM {rows}".replace("%%", "%"))


def _connection():
    from django.db import connection

    return connection


def _session() -> dict[str, str]:
    owner = f"(SELECT min(id) FROM auth_user) + n.n %% {USERS}"
    return {"id": "gen_random_uuid()", "owner_id": owner, "title": "'Session ' || n.n"}


def _message() -> dict[str, str]:
    return {"id": "gen_random_uuid()", "role": "'assistant'", "state": "'complete'", "content": "'some words'"}


def _run() -> dict[str, str]:
    """Nearly all completed; 3 % failed, 2 % stopped, 0.5 % lost; the newest ones are on their way."""
    status = """CASE WHEN n.n < 200 THEN 'queued' WHEN n.n %% 200 < 6 THEN 'failed' WHEN n.n %% 200 < 10 THEN 'stopped'
      WHEN n.n %% 200 = 10 THEN 'lost' ELSE 'completed' END"""
    asked = "now() - n.n * interval '7.776 s'"
    return {
        "id": "gen_random_uuid()",
        "session_id": "n.session_id",
        "message_id": "n.id",
        "model_id": "(SELECT min(id) FROM runs_model)",
        "task_id": "gen_random_uuid()",
        "trigger": "CASE WHEN n.n %% 20 = 0 THEN 'api' ELSE 'chat' END",
        "status": status,
        "code": "CASE WHEN n.n >= 200 AND n.n %% 200 < 6 THEN 'upstream_failed' ELSE '' END",
        "reason": "CASE WHEN n.n < 200 THEN '' WHEN n.n %% 200 BETWEEN 6 AND 9 THEN 'user' "
        "WHEN n.n %% 200 = 10 THEN 'lease' ELSE '' END",
        "stop_requested_by_id": "CASE WHEN n.n %% 200 BETWEEN 6 AND 9 THEN (SELECT min(id) FROM auth_user) END",
        "stop_requested_at": f"CASE WHEN n.n >= 200 AND n.n %% 200 BETWEEN 6 AND 9 THEN {asked} END",
        "queued_at": asked,
        "dispatched_at": asked,
        "started_at": f"CASE WHEN n.n >= 200 THEN {asked} END",
        "first_token_at": f"CASE WHEN n.n >= 200 THEN {asked} + interval '400 ms' END",
        "finished_at": f"CASE WHEN n.n >= 200 THEN {asked} + interval '2 s' END",
        "completion_tokens": "50",
    }


def measure() -> None:
    from django.contrib.auth import get_user_model
    from django.core.cache import cache
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from runs.models import Run

    client, run = Client(headers={"host": "127.0.0.1"}), Run.objects.order_by("-queued_at")[500]
    client.force_login(get_user_model().objects.get(username="user-0"))
    pages = {name: f"/admin/runs/run/?{query}" for name, query in QUESTIONS.items()}
    pages |= {"a run's page": f"/admin/runs/run/{run.pk}/change/", "the workers": "/admin/runs/worker/"}
    print(f"{'page':34} {'median ms':>10} {'first ms':>9} {'queries':>8}")
    for name, path in pages.items():
        path = path.format(run=run.pk, task=run.task_id)
        cache.clear()
        first = _time_of(client, path)
        median = statistics.median(_time_of(client, path) for _ in range(TIMES))
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        print(f"{name:34} {median * 1000:10.0f} {first * 1000:9.0f} {len(queries):8}", flush=True)


def _time_of(client, path: str) -> float:
    begin = time.perf_counter()
    assert client.get(path).status_code == 200, path
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    options = parser.parse_args()
    cluster = databases.make_databases("postgres")
    try:
        cluster.start()
        env = clean_env(DATA_DIR=str(processes.temporary_directory("admin")), DATABASE_URL=cluster.main_url)
        os.environ |= env | {"DATABASE_POOL": "0"}
        databases.migrate(cluster.main_url, env)
        import django

        django.setup()
        begin = time.monotonic()
        seed(options.runs, options.events)
        print(f"seeded {options.runs:,} runs, {options.events:,} events in {time.monotonic() - begin:.0f} s")
        measure()
    finally:
        processes.kill_all()


if __name__ == "__main__":
    main()
