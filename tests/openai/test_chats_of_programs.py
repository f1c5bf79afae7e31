"""A chat that a program and a person have with a model, live: with the real client, a worker and the pages (B80)."""

import openai
import pytest

from chatapp.chats.models import Session
from runs.models import Run
from runs.states import Status, StopReason
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.one_database


def user(text):
    return [{"role": "user", "content": text}]


def contents(stack, say) -> list[str]:
    return [message["content"] for message in stack.upstream.connections(say.tag)[-1]["body"]["messages"]]


def test_a_program_begins_a_chat_and_a_person_goes_on_and_the_reverse(stack, sdk):  # B80
    alice = stack.person("alice")
    client, first, second, third = sdk(alice), prompt(tokens=2), prompt(tokens=3), prompt(tokens=4)
    conversation = client.conversations.create(metadata={"title": "Birds"})
    response = client.responses.create(model="scripted", input=first, conversation=conversation.id)
    assert (response.output_text, response.conversation.id) == (spoken(2), conversation.id)
    session = Session.objects.get(owner=alice.user, is_listed=True)
    assert "Birds" in alice.page("GET", f"/chats/{session.pk}").body.decode()
    # It should be told what the person has sent and read meanwhile.
    check(alice.send(second, session=str(session.pk)))
    history = [*user(first), {"role": "assistant", "content": spoken(2)}]
    with pytest.raises(openai.ConflictError) as refusal:
        client.chat.completions.create(
            model="scripted", messages=[*history, *user(third)], metadata={"session": str(session.pk)}
        )
    assert refusal.value.code == "conversation_mismatch"
    history += [*user(second), {"role": "assistant", "content": spoken(3)}]
    chunks = client.chat.completions.create(
        model="scripted", messages=[*history, *user(third)], metadata={"session": str(session.pk)}, stream=True
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == spoken(4)
    assert contents(stack, third) == [first, spoken(2), second, spoken(3), third]
    listed = client.conversations.items.list(conversation.id, order="asc", limit=2)
    assert [item.content[0].text for item in listed] == [first, spoken(2), second, spoken(3), third, spoken(4)]
    assert client.conversations.delete(conversation.id).deleted
    assert not Session.objects.filter(pk=session.pk).exists()


def test_a_page_follows_and_stops_what_a_program_asks_for(stack, sdk):  # B80
    alice = stack.person("alice")
    session = alice.new_session()
    stream = sdk(alice).responses.create(
        model="scripted",
        input=prompt(tokens=9, stall_after=4),
        conversation=session,
        background=True,
        stream=True,
    )
    response_id = next(iter(stream)).response.id
    run = Run.objects.get(pk=response_id.removeprefix("resp_"))
    follower = alice.follow(run).wait_for_text(spoken(4))
    assert str(run.message_id) in alice.page("GET", f"/chats/{session}").body.decode()
    alice.stop(run)
    assert [event.type for event in stream][-1] == "response.cancelled"
    ended = check(run, follower)
    assert (ended.status, ended.reason, ended.message.content) == (Status.STOPPED, StopReason.USER, spoken(4))


def test_a_program_that_leaves_stops_its_answer_and_the_chat_keeps_the_text(stack, sdk):  # B42 B80
    alice = stack.person("alice")
    session = alice.new_session()
    say = prompt(tokens=9, stall_after=3)
    stream = sdk(alice).chat.completions.create(
        model="scripted", messages=user(say), metadata={"session": session}, stream=True
    )
    text = ""
    for chunk in stream:
        text += chunk.choices[0].delta.content or ""
        if text == spoken(3):
            break
    stream.close()
    ended = check(wait_until(lambda: Run.objects.filter(session=session).first(), "the run exists"))
    assert (ended.status, ended.reason, ended.message.content) == (Status.STOPPED, StopReason.VIEWER_LEFT, spoken(3))


def test_a_response_in_a_conversation_is_resumed_in_mid_stream(stack, sdk):  # B7 B23 B80
    alice = stack.person("alice")
    client, say = sdk(alice), prompt(tokens=6, hold=[3])
    stream = client.responses.create(
        model="scripted", input=say, conversation=alice.new_session(), background=True, stream=True
    )
    first = next(iter(stream))
    stream.close()
    stack.upstream.release(say.tag)
    rest = client.responses.retrieve(first.response.id, stream=True, starting_after=first.sequence_number)
    events = list(rest)
    assert [event.sequence_number for event in events] == list(range(2, len(events) + 2))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == spoken(6)
