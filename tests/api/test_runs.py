"""Looking at a run and stopping it."""

import pytest

from chatapp.chats.models import MessageState
from runs.errors import UpstreamSilent
from runs.lifecycle import transitions
from runs.models import Run
from streams.events import Kind
from streams.log import store


@pytest.fixture
def run(alice, session, model):
    return Run.objects.get(pk=alice.post(f"sessions/{session.pk}/messages", {"text": "hello"}).json()["run"]["id"])


def test_a_run_tells_what_it_has_written_so_far(alice, run):
    store.append(run.pk, (Kind.REASONING, {"text": "hm"}), (Kind.TEXT, {"text": "Hel"}), (Kind.TEXT, {"text": "lo"}))
    body = alice.get(f"runs/{run.pk}").json()
    assert (body["status"], body["last_seq"], body["text"], body["reasoning"]) == ("queued", 4, "Hello", "hm")
    assert (body["session"], body["message"]) == (str(run.session_id), str(run.message_id))
    assert body["usage"] is None
    assert body["finished_at"] is None


def test_a_run_that_failed_tells_why_and_keeps_its_text(alice, run):
    store.append(run.pk, (Kind.TEXT, {"text": "Hel"}), (Kind.USAGE, {"prompt_tokens": 3, "completion_tokens": 1}))
    transitions.fail(run.pk, UpstreamSilent("secret detail"))
    response = alice.get(f"runs/{run.pk}")
    body = response.json()
    assert (body["status"], body["code"], body["retryable"]) == ("failed", "upstream_silent", True)
    assert body["error"] == UpstreamSilent().message
    assert (body["text"], body["usage"]) == ("Hel", {"prompt_tokens": 3, "completion_tokens": 1})
    assert body["finished_at"] is not None
    # It should keep what is for staff to itself.
    assert b"secret detail" not in response.content


def test_stop_of_a_waiting_run_ends_it_at_once_and_says_who_asked(alice, run):
    response = alice.post(f"runs/{run.pk}/stop")
    assert (response.status_code, response.json()) == (202, {"state": "stopped"})
    body = alice.get(f"runs/{run.pk}").json()
    assert (body["status"], body["reason"]) == ("stopped", "user")
    assert body["stop_requested_by"] == alice.user.username
    assert body["stop_requested_at"] is not None
    run.message.refresh_from_db()
    assert run.message.state == MessageState.STOPPED


def test_stop_is_idempotent_and_tells_how_the_run_had_ended(alice, run):  # B38
    alice.post(f"runs/{run.pk}/stop")
    first = Run.objects.get(pk=run.pk)
    response = alice.post(f"runs/{run.pk}/stop")
    assert (response.status_code, response.json()) == (200, {"state": "already_final", "status": "stopped"})
    again = Run.objects.get(pk=run.pk)
    assert (again.stop_requested_at, again.finished_at) == (first.stop_requested_at, first.finished_at)
