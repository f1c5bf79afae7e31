"""Who watches the site hears the truth: alive, ready or what is missing, and figures for those who may see them."""

import os
import re
import signal
from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from health_check.exceptions import ServiceUnavailable
from prometheus_client.parser import text_string_to_metric_families

from chatapp.chats.models import Message, Role, Session
from chatapp.ops import readiness
from runs.errors import UpstreamFailed
from runs.lifecycle import reaper, transitions
from runs.maintenance import counters
from runs.models import Model, Provider, Report, Worker
from runs.states import Trigger
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

QUEUES = ["generation", "titles", "upkeep"]


@pytest.fixture
def run(alice):
    provider = Provider.objects.create(name="p", base_url="http://127.0.0.1:1/v1")
    model = Model.objects.create(name="m", label="M", provider=provider, upstream_id="m")
    session = Session.objects.create(owner=alice)
    question = Message.objects.create(session=session, role=Role.USER, content="?")
    answer = Message.objects.create(session=session, parent=question, role=Role.ASSISTANT, state="waiting")
    return transitions.enqueue(session, answer, model, Trigger.CHAT)


def a_worker(**fields):
    values = {"name": "w@here", "pid": 7, "pool": "gevent", "queues": QUEUES, "lease_until": reaper.lease_end()}
    return Worker.objects.create(**values | fields)


def wrong_with(part):
    try:
        part().run()
    except ServiceUnavailable as error:
        return str(error)
    return ""


def test_a_process_that_answers_is_alive():
    reply = Client().get("/healthz")
    assert (reply.status_code, reply.text, reply["Cache-Control"]) == (200, "ok\n", "no-store")


# -- readiness ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_migration_that_is_not_applied_is_missed():
    assert wrong_with(readiness.Database) == wrong_with(readiness.Migrations) == ""
    MigrationRecorder(connection).record_unapplied("runs", "0001_initial")
    assert "1 not applied, runs.0001_initial among them" in wrong_with(readiness.Migrations)


@pytest.mark.django_db
def test_a_redis_that_does_not_answer_is_missed_and_its_password_is_not_told(settings):
    settings.REDIS_URL = "redis://:secret@127.0.0.1:1/0"
    assert "no answer (ConnectionError)" in wrong_with(readiness.Redis)
    assert "secret" not in wrong_with(readiness.Redis)


@pytest.mark.django_db
def test_every_queue_needs_a_worker_that_lives():
    assert "no worker serves generation, titles, upkeep" in wrong_with(readiness.Workers)
    a_worker(queues=["generation", "titles"])
    a_worker(lease_until=timezone.now() - timedelta(seconds=1))
    assert "no worker serves upkeep" in wrong_with(readiness.Workers)
    a_worker(queues=["upkeep"])
    assert wrong_with(readiness.Workers) == ""


@pytest.mark.django_db
def test_beat_and_upkeep_are_missed_when_they_fall_silent():
    assert "beat has not run yet" in wrong_with(readiness.Upkeep)
    Report.file("upkeep")
    assert wrong_with(readiness.Upkeep) == ""
    Report.objects.update(at=timezone.now() - timedelta(seconds=90))
    assert "last run 90 s ago" in wrong_with(readiness.Upkeep)


@pytest.mark.django_db
def test_what_heal_could_not_repair_makes_the_site_unready_and_its_absence_does_not():
    assert wrong_with(readiness.Healed) == ""
    Report.file("heal", open=2)
    assert "2 problems" in wrong_with(readiness.Healed)
    Report.file("heal", open=0)
    assert wrong_with(readiness.Healed) == ""


@pytest.mark.django_db(transaction=True)
def test_a_site_without_workers_is_not_ready_and_says_what_is_missing():
    reply = Client().get("/readyz")
    parts = reply.json()["parts"]
    assert (reply.status_code, reply.json()["ready"]) == (503, False)
    assert (parts["database"], parts["migrations"]) == ("ok", "ok")
    assert "no answer" in parts["redis"] and "no worker serves" in parts["workers"]


# -- metrics --------------------------------------------------------------------------------------


def read_metrics(**headers):
    reply = Client().get("/metrics", headers=headers)
    assert reply.status_code == 200
    samples = [sample for family in text_string_to_metric_families(reply.text) for sample in family.samples]
    return lambda name, **labels: [
        sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items()
    ]


@pytest.fixture
def bearer(settings):
    settings.METRICS_TOKEN = "the token"
    return {"Authorization": "Bearer the token"}


def test_figures_are_for_staff_and_for_the_token(alice, charlie, bearer, settings):
    answers = []
    for user in (charlie, alice, None):
        client = Client()
        if user:
            client.force_login(user)
        answers.append(client.get("/metrics").status_code)
    assert answers == [200, 404, 404]
    for wrong in ("Bearer another", "Bearer", "Basic the token"):
        assert Client().get("/metrics", headers={"Authorization": wrong}).status_code == 404
    assert Client().get("/metrics", headers=bearer).status_code == 200
    # Without a token in the settings no token is the right one.
    settings.METRICS_TOKEN = ""
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_active_runs_are_counted_by_state(run, bearer):
    value = read_metrics(**bearer)
    assert (value("chatapp_runs", status="queued"), value("chatapp_runs", status="running")) == ([1], [0])


def test_workers_are_told_by_their_lease_and_forgotten_without_it(bearer, db):
    counts = [0] * (len(counters.BOUNDS) + 1)
    counts[0], counts[-1] = 2, 1
    times = {"first_token": {"counts": counts, "sum": 3601.0}}
    figures = {"active": 3, "batches": 10, "events": 400, "ended": {"failed": 1}, "codes": {"time_limit": 1}}
    worker = a_worker(figures=figures | {"times": times})
    value = read_metrics(**bearer)
    assert value("chatapp_workers", pool="gevent") == [1]
    assert value("chatapp_events_total", worker="w@here", pid="7") == [400]
    assert value("chatapp_worker_active_runs") == [3]
    assert value("chatapp_run_errors_total", code="time_limit") == [1]
    buckets = value("chatapp_run_first_token_seconds_bucket", worker="w@here")
    assert (buckets[0], buckets[-2], buckets[-1]) == (2, 2, 3)
    worker.lease_until = timezone.now() - timedelta(seconds=1)
    worker.save(update_fields=["lease_until"])
    assert read_metrics(**bearer)("chatapp_events_total") == []


def test_runs_that_end_are_counted_with_their_times_and_codes(run, bearer):
    before = read_metrics(**bearer)("chatapp_run_errors_total", code="upstream_failed", worker="web")
    transitions.fail(run.pk, UpstreamFailed())
    counters.count_end(run.pk)
    value = read_metrics(**bearer)
    assert value("chatapp_run_errors_total", code="upstream_failed", worker="web") == [sum(before) + 1]
    # A run that never started waited for no one to start it: it adds nothing to the times.
    assert counters.Times().counts == [0] * (len(counters.BOUNDS) + 1)


def test_what_a_main_process_counted_is_told_as_long_as_its_worker_lives(run, bearer):
    worker = a_worker(pool="prefork")
    transitions.fail(run.pk, UpstreamFailed())
    counters.count_end(run.pk)
    counters.file_report(worker.name)
    who = {"worker": worker.name, "pid": str(os.getpid())}
    value = read_metrics(**bearer)
    assert value("chatapp_run_errors_total", code="upstream_failed", **who) == [counters.tally.codes["upstream_failed"]]
    # It is nothing that runs by itself, whose silence would be a fault.
    assert value("chatapp_report_age_seconds") == []
    Worker.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert read_metrics(**bearer)("chatapp_run_errors_total", **who) == []


def test_a_time_is_counted_in_the_bucket_whose_bound_it_does_not_exceed():
    times, begin = counters.Times(), timezone.now()
    for seconds in (0.005, 0.006, 5000, -1):
        times.add(begin, begin + timedelta(seconds=seconds))
    times.add(None, begin)
    assert (times.counts[0], times.counts[1], times.counts[-1], sum(times.counts)) == (2, 1, 1, 4)


# -- real processes -------------------------------------------------------------------------------


def test_a_whole_site_is_ready_tells_its_figures_and_joins_its_logs(stack):  # B60
    alice, charlie = stack.person("alice"), stack.person("charlie")
    wait_until(lambda: alice.request("GET", "/readyz").json()["ready"], "the site is ready")
    say = prompt(tokens=5, hold=[2])
    run = alice.send(say)
    follower = alice.follow(run).wait_for_text(spoken(2))
    stack.upstream.release(say.tag)
    run = check(run, follower)

    def told():
        page = charlie.page("GET", "/metrics").body.decode()
        return {
            sample.name
            for family in text_string_to_metric_families(page)
            for sample in family.samples
            if sample.value > 0
        }

    wanted = {"chatapp_events_total", "chatapp_runs_ended_total", "chatapp_run_first_token_seconds_count"}
    wait_until(lambda: wanted <= told(), "the worker's figures have come with its lease")
    assert {"chatapp_fanout_lag_seconds_count", "chatapp_commit_seconds_total", "chatapp_workers"} <= told()
    # It should be joined from the request to the run and its task, in the logs of two processes.
    [given] = lines_of(stack.web, f"run {run.pk} was given task {run.task_id}")
    request = re.search(r"request_id=\S+", given).group()
    for words in ("started", "ended: completed"):
        [line] = lines_of(stack.worker, f"run {run.pk} {words}")
        assert {request, f"task_id={run.task_id}", f"run_id={run.pk}"} <= set(line.split()), line


def lines_of(part, words):
    """They come a moment after what they tell of."""
    return wait_until(lambda: [line for line in part.log_path.read_text().splitlines() if words in line], words)


@pytest.mark.one_database
def test_the_children_of_a_prefork_worker_tell_their_queues_and_figures(stack_prefork):
    alice = stack_prefork.person("alice")
    run = alice.send(prompt(tokens=5))
    run = check(run)
    told = Worker.objects.filter(pk=run.worker_id, figures__ended__completed__gte=1)
    worker = wait_until(lambda: told.first(), "the child has told what it did")
    assert (worker.pool, worker.queues) == ("prefork", QUEUES)
    assert worker.figures["events"] >= 1


@pytest.mark.one_database
def test_a_run_whose_child_is_killed_is_counted_once(stack_prefork):
    """By the worker's main process, which has no lease to tell it with, unless the reaper was there before."""
    alice, charlie = stack_prefork.person("alice"), stack_prefork.person("charlie")

    def lost():
        page = charlie.page("GET", "/metrics").body.decode()
        samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
        ends = [sample for sample in samples if sample.name == "chatapp_runs_ended_total"]
        return {sample.labels["pid"]: sample.value for sample in ends if sample.labels["status"] == "lost"}

    before = lost()
    run = alice.send(prompt(tokens=9, stall_after=2))
    alice.follow(run).wait_for_text(spoken(2))
    run.refresh_from_db()
    os.kill(run.worker.pid, signal.SIGKILL)
    assert check(run).status == "lost"
    wait_until(lambda: lost() != before, "it is told")
    told = lost()
    assert sum(told.values()) == sum(before.values()) + 1
    # A child that takes the killed one's place should not count it again.
    again = check(alice.send(prompt(tokens=3)))
    seen = Worker.objects.filter(pk=again.worker_id, figures__ended__completed__gte=1)
    wait_until(seen.exists, "the next child has told what it did")
    assert lost() == told
