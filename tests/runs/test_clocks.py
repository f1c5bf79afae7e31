"""A machine whose clock is an hour off: what processes write for each other is by the database's clock (B87)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from chatapp.ops import readiness
from chatapp.webhooks import actions as webhooks
from chatapp.webhooks import deliveries, sender
from runs.lifecycle import attached, reaper, redispatch, transitions
from runs.lifecycle.start import start
from runs.models import Report, Run, Worker
from runs.states import Status
from runs.upstream import titles

pytestmark = pytest.mark.one_database

HOUR = timedelta(hours=1)


@pytest.fixture(params=[-HOUR, HOUR], ids=["behind", "ahead"])
def elsewhere(request, monkeypatch):
    """`with elsewhere:` what follows runs on a machine with that clock, and the database's is another.

    All processes of a site on SQLite are on one machine, with one clock.
    """
    real, off = timezone.now, request.param if connection.vendor == "postgresql" else timedelta()

    class Elsewhere:
        def __enter__(self) -> None:
            monkeypatch.setattr(timezone, "now", lambda: real() + off)

        def __exit__(self, *exc: object) -> None:
            monkeypatch.setattr(timezone, "now", real)

    return Elsewhere()


@pytest.fixture
def dispatched(send):
    def dispatched() -> Run:
        run = send()
        start(run.pk)
        run.refresh_from_db()
        return run

    return dispatched


def later(**fields: float) -> None:
    """Let this time go by for what was written: `later(dispatched_at=60)`."""
    run = Run.objects.get()
    ago = {name: getattr(run, name) - timedelta(seconds=seconds) for name, seconds in fields.items()}
    Run.objects.update(**ago)


def test_a_lease_means_the_same_everywhere(send, claim, elsewhere):  # B87
    run = claim(send())
    Worker.objects.update(lease_until=reaper.lease_end())
    with elsewhere:
        assert reaper.reap() == 0
        Worker.objects.update(lease_until=reaper.lease_end())
    assert reaper.reap() == 0
    Worker.objects.update(lease_until=reaper.lease_end() - timedelta(hours=2))
    with elsewhere:
        assert reaper.reap() == 1
    run.refresh_from_db()
    assert run.status == Status.LOST


def test_a_waiting_run_is_given_up_after_its_time_and_not_by_a_wrong_clock(dispatched, elsewhere, settings):  # B87
    settings.RUN_QUEUED_SECONDS = settings.REDISPATCH_SECONDS = 600
    with elsewhere:
        run = dispatched()
    assert (reaper.fail_unclaimed(), redispatch.redispatch()) == (0, 0)
    with elsewhere:
        assert (reaper.fail_unclaimed(), redispatch.redispatch()) == (0, 0)
        later(dispatched_at=601)
        assert reaper.fail_unclaimed() == 1
    run.refresh_from_db()
    assert run.status == Status.FAILED


def test_a_viewer_counts_wherever_it_is_looked_for(dispatched, elsewhere, settings):  # B87
    run = dispatched()
    attached.attach(run)
    with elsewhere:
        assert attached.stop_unwatched() == 0
        attached.renew([run.pk])
    assert attached.stop_unwatched() == 0
    later(viewer_until=settings.VIEWER_SECONDS + 1)
    with elsewhere:
        assert attached.stop_unwatched() == 1


def test_times_of_one_run_are_in_order_whoever_writes_them(send, worker, elsewhere):  # B87
    run = send()
    start(run.pk)
    task = Run.objects.get().task_id
    with elsewhere:
        transitions.claim(run.pk, task, worker)
    transitions.complete(run.pk, "stop")
    run.refresh_from_db()
    assert run.dispatched_at <= run.started_at <= run.finished_at


def test_upkeep_elsewhere_is_not_missed(elsewhere):  # B87
    with elsewhere:
        Report.file("upkeep")
    readiness.Upkeep().verify()
    with elsewhere:
        readiness.Upkeep().verify()


def test_a_title_is_asked_for_by_whatever_clock(send, claim, elsewhere):  # B87
    run = claim(send())
    with elsewhere:
        transitions.complete(run.pk, "stop")
    assert titles.run_to_title(run.pk) == run
    with elsewhere:
        assert titles.run_to_title(run.pk) == run
    Run.objects.update(finished_at=timezone.now() - timedelta(seconds=titles.MAX_WAIT_SECONDS + 1))
    run.session.__class__.objects.update(title_requests=0)
    assert titles.run_to_title(run.pk) is None


def test_a_webhook_is_due_at_once_and_retried_after_its_pause(alice, send, claim, elsewhere):  # B87
    endpoint = webhooks.make_endpoint(alice, "https://example.com/hook", ["completed"])
    run = claim(send())
    with elsewhere:
        transitions.complete(run.pk, "stop")
        deliveries.create_on_end(run.pk)
    claimed = sender.claim(endpoint.pk)
    assert claimed is not None and claimed.run == run.pk
    with elsewhere:
        assert sender.claim(endpoint.pk) is None, "it is claimed"
        sender._failed(claimed, "no answer")
        assert sender.claim(endpoint.pk) is None, "its pause is not over"
    assert sender.claim(endpoint.pk) is None
