"""Stop and Retry in the admin: confirmed by name of the states, told truthfully, written down."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from runs.errors import UpstreamFailed
from runs.lifecycle import transitions
from runs.models import Run
from runs.states import LostReason, Status, Trigger

RUNS = "admin:runs_run_changelist"


@pytest.fixture
def admin(charlie):
    client = Client()
    client.force_login(charlie)
    return client


def act(client, name, *runs, **more):
    data = {"action": name, "_selected_action": [str(run.pk) for run in runs], **more}
    return client.post(reverse(RUNS), data, follow=True)


def ended(run, how="fail"):
    match how:
        case "fail":
            transitions.fail(run.pk, UpstreamFailed())
        case "lose":
            transitions.lose(run.pk, LostReason.LEASE)
        case "stop":
            transitions.stop(run.pk)
    run.refresh_from_db()
    return run


def test_nothing_is_stopped_before_it_is_confirmed(admin, send):
    run = send()
    page = act(admin, "stop", run)
    # It should name the states, and the run with its state.
    assert "Stop 1 run?" in page.text
    assert "queued or running" in page.text
    assert f"{run.pk}</a>: queued, alice" in page.text
    run.refresh_from_db()
    assert run.status == "queued"


def test_the_confirmation_says_which_of_those_chosen_stay_as_they_are(admin, send, session):
    run = ended(send())
    page = act(admin, "stop", run, send())
    assert "Stop 1 run?" in page.text
    assert "1 of the selected runs is in another state" in page.text
    assert "so there is nothing to do" in act(admin, "stop", run).text


def test_the_confirmation_leads_to_the_stop(admin, send, charlie):
    run = send()
    form = act(admin, "stop", run).context
    act(admin, form["action"], run, confirmed="yes")
    run.refresh_from_db()
    assert (run.status, run.stop_requested_by) == ("stopped", charlie)
    # It should be written down who did it.
    entry = LogEntry.objects.get(object_id=str(run.pk))
    assert (entry.user, entry.get_change_message()) == (charlie, "Stop: stopped")


def test_a_run_that_ended_meanwhile_is_told_so_and_not_written_down(admin, send):
    run = ended(send())
    assert "Runs: 1 had ended before." in act(admin, "stop", run, confirmed="yes").text
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("how", ["fail", "lose", "stop"])
def test_retry_asks_the_same_model_again_beside_the_earlier_answer(admin, send, how):
    run = ended(send(), how)
    assert "Runs: 1 retried." in act(admin, "retry", run, confirmed="yes").text
    again = Run.objects.exclude(pk=run.pk).get()
    assert (again.model, again.message.parent, again.status) == (run.model, run.message.parent, Status.QUEUED)
    assert again.message != run.message
    run.refresh_from_db()
    assert run.is_final
    assert LogEntry.objects.get().get_change_message() == "Retry: retried"


def test_retry_leaves_what_is_on_its_way_or_completed_alone(admin, send, claim):
    run = send()
    assert "Retry 0 runs?" in act(admin, "retry", run).text
    assert "1 had ended before" in act(admin, "retry", run, confirmed="yes").text
    claim(run)
    transitions.complete(run.pk, "stop")
    act(admin, "retry", run, confirmed="yes")
    assert Run.objects.count() == 1


def test_retry_never_stops_a_running_answer_of_the_session(admin, send, claim):
    failed = ended(send())
    running = send("Another one")
    claim(running)
    page = act(admin, "retry", failed, confirmed="yes").text
    assert "another answer of the session is in progress" in page
    running.refresh_from_db()
    assert (running.status, running.stop_requested_at) == ("running", None)


def test_retry_leaves_comparisons_to_their_own_reroll(admin, send):
    run = ended(send(trigger=Trigger.COMPARE))
    assert "belong to a comparison" in act(admin, "retry", run, confirmed="yes").text
    assert Run.objects.count() == 1


def test_a_retry_that_is_refused_says_why(admin, send, settings):
    run = ended(send())
    run.model.enabled = False
    run.model.save(update_fields=["enabled"])
    assert "refused (model_unknown)" in act(admin, "retry", run, confirmed="yes").text
