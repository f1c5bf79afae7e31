"""The admin's list with very many runs: `python -m tests.bench.admin --runs 1000000 --events 50000000`.

Seeds PostgreSQL with INSERT … SELECT (runs of the last 90 days, in sessions of 200 users, and their events), then asks
the list and its questions through Django's own handlers, and prints of each the median time, the CPU time of this
process and of PostgreSQL's within it, and the queries. `--database URL` asks one that is there; with `--seed`
it is filled first.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness import databases, processes
from tests.harness.stack import clean_env

TIMES = 7  # odd: the median is one of them
USERS = 200
EVENTS_A_RUN = 50
ASKED, LONG_AGO = "now() - n.n * interval '7.776 s'", "now() - interval '90 days' + n.n * interval '1 ms'"

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
    "stopped by its owner?": "stopped_by=owner",
    "stopped by no user?": "stopped_by=nobody",
    "started by the API": "trigger__exact=api",
    "started by a schedule (none)": "trigger__exact=schedule",
    "of one model": "model__id__exact={model}",
    "of one worker": "worker__id__exact={worker}",
    "today": "queued_at__gte={today}",
    "of one session": "session__id__exact={session}",
    "of users called user-7…": "q=user-7",
    "of a user with few runs": "q=rare",
    "of nobody": "q=nobody",
    "by its id": "q={run}",
    "by its task": "q={task}",
}

# Ids that grow with time, as the product's do: neighbours in the list are neighbours in the tables, too.
UUID7 = """
CREATE FUNCTION pg_temp.uuid7(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
    || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid $$
"""

SEED = """
INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
  SELECT '', n = 0, CASE WHEN n = {users} - 1 THEN 'rare' ELSE 'user-' || n END, '', '', '', n = 0, true, now()
  FROM generate_series(0, {users} - 1) n;
INSERT INTO runs_provider (name, base_url, key_env) VALUES ('seed', 'http://127.0.0.1:9/v1', '');
INSERT INTO runs_model (name, label, provider_id, upstream_id, system_prompt, parameters, enabled, is_default)
  SELECT 'seed', 'Seed', id, 'seed', '', '{{}}', true, true FROM runs_provider;
INSERT INTO runs_worker (id, name, pid, pool, queues, versions, figures, started_at, lease_until)
  VALUES (gen_random_uuid(), 'seed@here', 1, 'gevent', '[]', '', '{{}}', now(), now() + interval '1 day');
"""


def seed(runs: int, events: int) -> None:
    """A tenth as many sessions as runs; each run answers a message of its own."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(SEED.format(users=USERS))
        cursor.execute(UUID7)
        _copy_of_one(cursor, "chats_session", runs // 10, _session())
        cursor.execute("CREATE TEMP TABLE s AS SELECT id, owner_id, row_number() OVER () - 1 AS n FROM chats_session")
        cursor.execute("CREATE UNIQUE INDEX ON s (n)")
        session = f"(SELECT id FROM s WHERE s.n = n.n %% {runs // 10})"
        newest_last = f"(SELECT n FROM generate_series({runs} - 1, 0, -1) AS n(n)) AS n"
        _copy_of_one(cursor, "chats_message", runs, {**_message(), "session_id": session}, source=newest_last)
        cursor.execute(
            f"""CREATE TEMP TABLE m AS
            SELECT m.id, m.session_id, s.owner_id, {runs} - row_number() OVER (ORDER BY m.id) AS n
            FROM chats_message m JOIN s ON s.id = m.session_id"""
        )
        _copy_of_one(cursor, "runs_run", runs, _run(), source="(SELECT * FROM m ORDER BY id) AS n")
        cursor.execute(
            f"""INSERT INTO streams_event (stream, seq, kind, data, at)
            SELECT r.id, e, CASE WHEN e = {EVENTS_A_RUN} THEN 'run.completed' ELSE 'text.delta' END,
              '{{"text": "some words "}}', r.queued_at + e * interval '50 ms'
            FROM (SELECT id, queued_at FROM runs_run ORDER BY id OFFSET {runs - events // EVENTS_A_RUN}) r,
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
    owner = f"(SELECT min(id) FROM auth_user) + CASE WHEN n.n < 3 THEN {USERS - 1} ELSE n.n %% {USERS - 1} END"
    return {"id": f"pg_temp.uuid7({LONG_AGO})", "owner_id": owner, "title": "'Session ' || n.n"}


def _message() -> dict[str, str]:
    return {"id": f"pg_temp.uuid7({ASKED})", "role": "'assistant'", "state": "'complete'", "content": "'some words'"}


def _run() -> dict[str, str]:
    """Nearly all completed; 3 % failed, 2 % stopped (5 % of them by staff), 0.5 % lost; the newest are on their way."""
    is_over, kind = "n.n >= 200", "n.n %% 200"
    status = f"""CASE WHEN n.n < 100 THEN 'queued' WHEN n.n < 200 THEN 'running' WHEN {kind} < 6 THEN 'failed'
      WHEN {kind} < 10 THEN 'stopped' WHEN {kind} = 10 THEN 'lost' ELSE 'completed' END"""
    was_stopped = f"{is_over} AND {kind} BETWEEN 6 AND 9"
    by = "CASE WHEN n.n / 200 %% 20 = 0 THEN (SELECT min(id) FROM auth_user) ELSE n.owner_id END"
    return {
        "id": f"pg_temp.uuid7({ASKED})",
        "session_id": "n.session_id",
        "message_id": "n.id",
        "model_id": "(SELECT min(id) FROM runs_model)",
        "worker_id": "CASE WHEN n.n >= 100 THEN (SELECT id FROM runs_worker) END",
        "task_id": "gen_random_uuid()",
        "trigger": "CASE WHEN n.n %% 20 = 0 THEN 'api' ELSE 'chat' END",
        "status": status,
        "code": f"CASE WHEN {is_over} AND {kind} < 6 THEN 'upstream_failed' ELSE '' END",
        "reason": f"CASE WHEN n.n < 200 THEN '' WHEN {kind} BETWEEN 6 AND 9 THEN 'user' "
        f"WHEN {kind} = 10 THEN 'lease' ELSE '' END",
        "stop_requested_by_id": f"CASE WHEN {was_stopped} THEN {by} END",
        "stop_requested_at": f"CASE WHEN {was_stopped} THEN {ASKED} END",
        "queued_at": ASKED,
        "dispatched_at": ASKED,
        "started_at": f"CASE WHEN n.n >= 100 THEN {ASKED} END",
        "first_token_at": f"CASE WHEN {is_over} THEN {ASKED} + interval '400 ms' END",
        "finished_at": f"CASE WHEN {is_over} THEN {ASKED} + interval '2 s' END",
        "completion_tokens": "50",
    }


def measure() -> None:
    from django.contrib.auth import get_user_model
    from django.core.cache import cache
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from runs.models import Run

    client, run = Client(headers={"host": "127.0.0.1"}), Run.objects.order_by("-queued_at")[500]
    client.force_login(get_user_model().objects.get(username="user-0"))
    pages = {name: f"/admin/runs/run/?{query}" for name, query in QUESTIONS.items()}
    pages |= {"a run's page": f"/admin/runs/run/{run.pk}/change/", "the workers": "/admin/runs/worker/"}
    pages |= {"sessions": "/admin/chats/session/", "messages": "/admin/chats/message/"}
    pages |= {"sessions of a user": "/admin/chats/session/?q=user-7", "messages of": "/admin/chats/message/?q=user-7"}
    today = f"{timezone.now():%Y-%m-%d}+00:00:00%2B00:00"
    places = {"run": run.pk, "task": run.task_id, "model": run.model_id, "worker": run.worker_id, "today": today}
    places["session"] = run.session_id
    print(f"{'page':30}", *(f"{head:>10}" for head in ("median ms", "first ms", "CPU ms", "CPU of PG", "queries")))
    for name, path in pages.items():
        path = path.format(**places)
        cache.clear()
        first = _time_of(client, path)
        begin = _cpu_of_database()
        took = [_time_of(client, path) for _ in range(TIMES)]
        in_database = (_cpu_of_database() - begin) / TIMES
        wall, cpu = (statistics.median(times) * 1000 for times in zip(*took, strict=True))
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        figures = [wall, first[0] * 1000, cpu, in_database, len(queries)]
        print(f"{name:30}", *(f"{figure:10.0f}" for figure in figures), flush=True)


def _time_of(client, path: str) -> tuple[float, float]:
    """Wall and CPU time of this process, s."""
    begin, worked = time.perf_counter(), time.process_time()
    assert client.get(path).status_code == 200, path
    return time.perf_counter() - begin, time.process_time() - worked


def _cpu_of_database() -> float:
    """CPU time so far of the server's process that answers this one, ms; in the kernel's steps of 10 ms."""
    pid = _connection().connection.info.backend_pid
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) * 1000 / os.sysconf("SC_CLK_TCK")


@contextmanager
def database(url: str | None) -> Iterator[str]:
    """The one at `url`, or one of a cluster that is thrown away afterwards."""
    cluster = None if url else databases.make_databases("postgres")
    try:
        if cluster:
            cluster.start()
        yield url or cluster.main_url
    finally:
        processes.kill_all()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=50_000_000)
    parser.add_argument("--database", help="postgres://…; it is kept")
    parser.add_argument("--seed", action="store_true", help="fill it first")
    options = parser.parse_args()
    with database(options.database) as url:
        env = clean_env(DATA_DIR=str(processes.temporary_directory("admin")), DATABASE_URL=url)
        os.environ |= env | {"DATABASE_POOL": "0"}
        databases.migrate(url, env)
        import django

        django.setup()
        if options.seed or not options.database:
            begin = time.monotonic()
            seed(options.runs, options.events)
            print(f"seeded {options.runs:,} runs, {options.events:,} events in {time.monotonic() - begin:.0f} s")
        measure()


if __name__ == "__main__":
    main()
