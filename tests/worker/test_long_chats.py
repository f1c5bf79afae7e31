"""A chat of a thousand messages goes on with a model that reads 4,096 tokens (B66)."""

import pytest

from chatapp.chats.models import Message, Role, Session
from runs.models import Model, Provider
from runs.states import Status
from tests.harness.check import check
from tests.harness.upstream import spoken


def _long_chat(alice) -> str:
    session, rows, parent = alice.new_session(), [], None
    for number in range(500):
        for role in (Role.USER, Role.ASSISTANT):
            content = f"{role[0]}{number} ".ljust(90, "x")
            rows.append(Message(session_id=session, parent=parent, role=role, content=content))
            parent = rows[-1]
    Message.objects.bulk_create(rows)
    Session.objects.filter(pk=session).update(tip=parent, system_prompt="Be brief.", title="Long")
    return session


@pytest.mark.long  # tests/runs/test_long_chats.py: what is left out, and the second attempt
def test_a_chat_of_a_thousand_messages_goes_on_with_a_model_of_4096_tokens(each_stack, upstream):
    """Nothing is known of the model: its first refusal teaches, and the second question is not refused."""
    alice = each_stack.person("alice")
    name = upstream.register(tokens=3, window=4_096, tag=alice.user.username)
    provider = Provider.objects.create(name=alice.user.username, base_url=upstream.base_url)
    model = Model.objects.create(name=alice.user.username, label="Small", provider=provider, upstream_id=name)
    session = _long_chat(alice)
    for requests in (2, 1):
        run = check(alice.send("Why?", session, model=model.name))
        assert (run.status, run.attempt, run.message.content) == (Status.COMPLETED, requests, spoken(3))
        assert 900 < run.left_out < 1_000
        assert alice.api("GET", f"/runs/{run.pk}").json()["left_out"] == run.left_out
        page = alice.page("GET", f"/chats/{session}").body.decode()
        assert f"{run.left_out} earlier messages were not sent" in page
    sent = upstream.connections(alice.user.username)[-1]["body"]["messages"]
    assert [message["content"][:9].strip("x ") for message in sent[:2]] == ["Be brief.", "u0"]
    assert sent[-1]["content"] == "Why?" and sent[-3]["content"] == "Why?"
    model.refresh_from_db()
    assert model.learned["context_window"] == 4_096
