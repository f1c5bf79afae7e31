"""The broker is down: a clear answer, the message kept, nothing stuck."""

import pytest

from chatapp.chats.models import Message, Role
from runs.models import Run

pytestmark = pytest.mark.django_db(transaction=True)  # runs are dispatched on commit


def test_when_the_broker_is_down_the_message_is_kept_and_its_run_says_why(alice, session, model):
    response = alice.post(f"sessions/{session.pk}/messages", {"text": "hello"})  # nobody listens at REDIS_URL
    assert response.status_code == 503
    problem = response.json()
    assert (problem["code"], problem["retryable"]) == ("broker_unavailable", True)
    run = Run.objects.get(session=session)
    assert (problem["run"]["id"], problem["run"]["status"]) == (str(run.pk), "failed")
    assert Message.objects.get(session=session, role=Role.USER).content == "hello"
    # It should be possible to try again at once: nothing of the session is waiting or running.
    assert not Run.objects.active().filter(session=session).exists()
    assert alice.get(f"runs/{run.pk}").json()["code"] == "broker_unavailable"
