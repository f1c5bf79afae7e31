"""What goes upstream."""

import pytest

from runs.models import Run
from runs.prompts import build


@pytest.fixture
def payload(send, model):
    """The request for a message in the session, with these settings of model and session."""
    model.system_prompt, model.parameters = "Be brief.", {"temperature": 0.3, "top_p": 0.9}
    model.save(update_fields=["system_prompt", "parameters"])

    def payload(session, **settings) -> dict:
        type(session).objects.filter(pk=session.pk).update(**settings)
        run = send("Why?", to=session)
        return build(Run.objects.select_related("session", "model__provider", "message").get(pk=run.pk)).payload

    return payload


def test_a_session_that_sets_nothing_uses_what_the_model_sets(payload, session):
    sent = payload(session)
    assert sent["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    assert (sent["temperature"], sent["top_p"]) == (0.3, 0.9)
    assert "max_tokens" not in sent


def test_what_a_session_sets_goes_before_what_the_model_sets(payload, session):
    sent = payload(session, system_prompt="You are a pirate.", temperature=0.0, max_tokens=12)
    assert sent["messages"][0] == {"role": "system", "content": "You are a pirate."}
    assert len(sent["messages"]) == 2
    assert (sent["temperature"], sent["max_tokens"], sent["top_p"]) == (0.0, 12, 0.9)
