"""The questions that narrow the admin's list, the cards and charts above it, and what they cost."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chatapp.chats.admin_lists import BoundedPaginator
from runs.errors import UpstreamFailed
from runs.lifecycle import transitions
from runs.lifecycle.stop import record_stop_request, request_stop
from runs.models import Run
from runs.queries import statistics
from runs.states import LostReason, Status, StopReason
from streams.events import Kind
from streams.log import store
from streams.models import LoggedEvent

RUNS = "admin:runs_run_changelist"


@pytest.fixture
def admin(charlie):
    cache.clear()
    client = Client()
    client.force_login(charlie)
    return client


@pytest.fixture
def many(send, alice, model):
    """Makes runs, each in a session of its own."""
    from chatapp.chats.models import Session

    return lambda count: [send(to=Session.objects.create(owner=alice)) for _ in range(count)]


def asked(admin, **query):
    return set(admin.get(reverse(RUNS), query).context["cl"].result_list)


def ago(**period):
    return timezone.now() - timedelta(**period)


def test_running_longer_than(admin, many, claim):
    old, young = many(2)
    claim(old), claim(young)
    Run.objects.filter(pk=old.pk).update(started_at=ago(minutes=6))
    assert asked(admin, running_for="300") == {old}
    assert asked(admin, running_for="3600") == set()
    # It should not ask about runs that have ended.
    transitions.fail(old.pk, UpstreamFailed())
    assert asked(admin, running_for="300") == set()


def test_no_token_for(admin, many, claim):
    silent, talking = many(2)
    for run in (silent, talking):
        claim(run)
        store.append(run.pk, (Kind.TEXT, {"text": "w1 "}))
    LoggedEvent.objects.update(at=ago(minutes=2))
    store.append(talking.pk, (Kind.TEXT, {"text": "w2 "}))
    assert asked(admin, silent_for="60") == {silent}


def test_waiting_for_a_worker(admin, many, send):
    waiting, _ = many(2)
    behind = send(to=waiting.session)  # waits for its turn, not for a worker
    Run.objects.filter(pk=waiting.pk).update(dispatched_at=ago(seconds=30))
    assert asked(admin, waiting_for="10") == {waiting}
    assert behind.task_id is None


def test_stopped_by_whom(admin, many, alice, charlie):
    by_owner, by_staff, by_nobody, not_stopped = many(4)
    request_stop(by_owner, by=alice)
    request_stop(by_staff, by=charlie)
    request_stop(by_nobody, by=None, reason=StopReason.VIEWER_LEFT)
    transitions.lose(not_stopped.pk, LostReason.LEASE)
    assert asked(admin, stopped_by="owner") == {by_owner}
    assert asked(admin, stopped_by="other") == {by_staff}
    assert asked(admin, stopped_by="nobody") == {by_nobody}
    # It should say so in the list, too.
    page = admin.get(reverse(RUNS)).text
    assert "Stopped (by alice)" in page and "Stopped (by charlie)" in page and "Stopped (by viewer_left)" not in page


def test_asked_to_stop_and_still_going(admin, many, claim, alice):
    stuck, other = many(2)
    claim(stuck)
    record_stop_request(stuck, alice, StopReason.USER)
    request_stop(other, by=alice)
    assert asked(admin, stop_pending="yes") == {stuck}
    assert "Stopping (by alice)" in admin.get(reverse(RUNS)).text


def test_failed_with_which_code(admin, many):
    failed, _ = many(2)
    transitions.fail(failed.pk, UpstreamFailed())
    assert asked(admin, failed_with="upstream_failed") == {failed}
    assert asked(admin, failed_with="time_limit") == set()
    assert "Failed (upstream_failed)" in admin.get(reverse(RUNS)).text
    assert asked(admin, failed_with="no such code") == asked(admin)


def test_a_list_never_counts_further_than_its_bound(many, monkeypatch):
    many(4)
    monkeypatch.setattr("chatapp.chats.admin_lists.MAX_COUNTED", 3)
    assert BoundedPaginator(Run.objects.order_by("-queued_at"), 2).count == 3


# -- cards and charts -----------------------------------------------------------------------------


def test_the_cards_say_how_it_goes(admin, many, claim):
    running, queued, failed, lost, completed = many(5)
    for run in (running, completed):
        claim(run)
    store.append(completed.pk, (Kind.TEXT, {"text": "w1"}))
    transitions.complete(completed.pk, "stop")
    transitions.fail(failed.pk, UpstreamFailed())
    transitions.lose(lost.pk, LostReason.LEASE)
    cards = {card.name: card.value for card in admin.get(reverse(RUNS)).context["dashboard"]["cards"]}
    assert (cards["running"], cards["queued"], cards["lost in 24 hours"]) == ("1", "1", "1")
    assert cards["failed or lost in 24 hours"] == "66.7%"
    assert cards["to first token, p50"].endswith(" s")
    assert not queued.is_final


def test_what_runs_now_is_never_a_minute_old(admin, many):
    admin.get(reverse(RUNS))
    many(2)
    cards = {card.name: card.value for card in admin.get(reverse(RUNS)).context["dashboard"]["cards"]}
    assert cards["queued"] == "2"


def test_the_charts_stand_on_the_hours_in_which_runs_were_asked_for(many, claim):
    now = timezone.now()
    old, older, too_old = many(3)
    for run, hours in ((old, 0), (older, 5), (too_old, 30)):
        claim(run)
        began = now - timedelta(hours=hours)
        times = {"started_at": began, "first_token_at": began + timedelta(seconds=hours + 1), "finished_at": now}
        Run.objects.filter(pk=run.pk).update(queued_at=began, status=Status.COMPLETED, **times)
    hours = statistics.last_hours(now)
    assert len(hours) == statistics.HOURS
    assert [(place, dict(hour.ends)) for place, hour in enumerate(hours) if hour.ends] == [
        (18, {"completed": 1}),
        (23, {"completed": 1}),
    ]
    assert (hours[23].first_tokens, hours[18].first_tokens) == ([1.0], [6.0])


def test_the_charts_are_shapes_without_style_and_say_in_words_what_they_show(admin, many):
    many(3)
    page = admin.get(reverse(RUNS)).text
    assert 'class="kind-queued"' in page
    assert "3 queued" in page
    assert "style=" not in page.split("board-charts")[1].split("changelist")[0]


def test_percentiles_and_rates_of_nothing_are_nothing():
    assert statistics.percentile([], 0.5) is None
    assert statistics.percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert statistics.percentile([1.0, 2.0], 1.0) == 2.0
    assert statistics.failure_rate(statistics.total([])) is None


# -- workers --------------------------------------------------------------------------------------


def test_the_workers_page_tells_who_is_alive_and_what_they_carry(admin, many, claim, worker, expire):
    run, _ = many(2)
    claim(run)
    path = reverse("admin:runs_worker_changelist")
    [row] = admin.get(path, {"alive": "yes"}).context["cl"].result_list
    assert (row.alive, row.running) == (True, 1)
    assert "1 run<" in admin.get(path).text
    assert asked(admin, worker__id__exact=worker.pk, status__exact="running") == {run}
    expire()
    assert not admin.get(path, {"alive": "yes"}).context["cl"].result_list
    assert not admin.get(path, {"alive": "no"}).context["cl"].result_list.get().alive


@pytest.mark.parametrize(
    "query",
    [{}, {"silent_for": "60"}, {"stopped_by": "other"}, {"q": "alice"}, {"status__exact": "queued", "p": "1"}],
)
def test_each_question_asks_the_database_a_fixed_number_of_times(admin, many, query, django_assert_max_num_queries):
    many(1)
    admin.get(reverse(RUNS), query)
    cache.clear()
    with django_assert_max_num_queries(14) as few:
        admin.get(reverse(RUNS), query)
    many(12)
    cache.clear()
    with django_assert_max_num_queries(len(few)):
        admin.get(reverse(RUNS), query)
