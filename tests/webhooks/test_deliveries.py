"""Each end of a run is one delivery for each endpoint that wants it, however often it is told."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from chatapp.webhooks import actions, deliveries
from chatapp.webhooks.models import ENDS, Delivery, Endpoint, State
from runs.models import Run
from runs.states import Status


def test_hearing_twice_and_sweeping_make_one_delivery(endpoint, ended):
    endpoint()
    run = ended()
    deliveries.create_on_end(run.pk)
    deliveries.create_on_end(run.pk)
    assert deliveries.sweep() == 0
    assert [delivery.run for delivery in Delivery.objects.all()] == [run.pk]


def test_the_sweep_finds_what_nobody_told_and_later_ones_do_not_again(endpoint, ended):
    here, there = endpoint("/ok"), endpoint("/said")
    run = ended()
    assert deliveries.sweep() == 2
    assert deliveries.sweep() == 0
    told = set(Delivery.objects.values_list("endpoint", "run"))
    assert told == {(here.pk, run.pk), (there.pk, run.pk)}
    here.refresh_from_db()
    assert here.swept_until > run.finished_at


def test_a_sweep_that_comes_late_goes_back_to_where_the_last_one_was(endpoint, ended):
    long_ago = timezone.now() - timedelta(days=3)
    Endpoint.objects.filter(pk=endpoint().pk).update(swept_until=long_ago, enabled_at=long_ago)
    early, late = ended(), ended()
    Run.objects.filter(pk=early.pk).update(finished_at=long_ago - timedelta(minutes=11))
    Run.objects.filter(pk=late.pk).update(finished_at=long_ago + timedelta(hours=1))
    assert deliveries.sweep() == 1
    assert Delivery.objects.get().run == late.pk


def test_an_endpoint_hears_of_nothing_that_ended_before_it_was_made_or_switched_on(endpoint, ended):
    before = ended()
    mine = endpoint()
    deliveries.create_on_end(before.pk)
    actions.switch_off(mine)
    meanwhile = ended()
    deliveries.create_on_end(meanwhile.pk)
    assert deliveries.sweep() == 0
    mine.refresh_from_db()
    actions.switch_on(mine)
    assert deliveries.sweep() == 0
    assert not Delivery.objects.exists()


def test_an_endpoint_hears_of_its_owner_s_runs_and_of_the_ends_it_wants(endpoint, ended, bob):
    bobs, failures = endpoint(owner=bob), endpoint(ends=["failed", "lost"])
    run = ended()
    deliveries.create_on_end(run.pk)
    assert deliveries.sweep() == 0
    assert not Delivery.objects.filter(endpoint__in=[bobs, failures]).exists()


def test_a_pane_of_a_comparison_is_not_told_for_a_message_names_its_model(endpoint, ended):  # B45
    endpoint()
    pane = ended(is_listed=False)
    deliveries.create_on_end(pane.pk)
    assert deliveries.sweep() == 0
    assert not Delivery.objects.exists()


def test_the_message_says_which_run_and_how_it_ended_and_not_a_word_of_it(endpoint, ended):
    endpoint()
    run = ended()
    deliveries.create_on_end(run.pk)
    message = json.loads(Delivery.objects.get().payload)
    assert message["type"] == "run.final"
    assert message["timestamp"] == run.finished_at.isoformat()
    data = message["data"]
    assert (data["run"], data["session"], data["message"]) == (str(run.pk), str(run.session_id), str(run.message_id))
    assert (data["status"], data["reason"], data["model"], data["usage"]) == ("stopped", "user", "model", None)
    assert "Hello" not in str(message)


def test_what_was_told_long_ago_is_forgotten_and_what_is_on_its_way_is_not(endpoint, ended):
    endpoint("/ok"), endpoint("/broken")
    deliveries.create_on_end(ended().pk)
    Delivery.objects.update(created_at=timezone.now() - timedelta(days=31))
    first = Delivery.objects.first()
    ended_fields = {"state": State.DELIVERED, "next_attempt_at": None, "ended_at": timezone.now()}
    Delivery.objects.filter(pk=first.pk).update(**ended_fields)
    deliveries.delete_old()
    assert Delivery.objects.get().state == State.PENDING


@pytest.mark.parametrize("status", Status.values)
def test_every_final_state_can_be_chosen_and_no_other(status):
    assert (status in dict(ENDS)) == (status not in ("queued", "running"))
