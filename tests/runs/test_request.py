"""The request that goes upstream."""

import pytest
from django.contrib.auth.models import Group
from django.db.models.signals import post_init

from chatapp.chats.models import Attachment, Message, Role
from runs.errors import ModelForbidden
from runs.lifecycle import transitions
from runs.models import Run
from runs.upstream.context.chat_context import CONTINUE_PROMPT
from runs.upstream.request import UpstreamRequest, build_request
from runs.upstream.titles import build_title_request


@pytest.fixture
def payload(send, model):
    """The payload for a message in the session, with these settings of model and session."""
    model.system_prompt, model.parameters = "Be brief.", {"temperature": 0.3, "top_p": 0.9}
    model.save(update_fields=["system_prompt", "parameters"])

    def payload(session, **settings) -> dict:
        type(session).objects.filter(pk=session.pk).update(**settings)
        run = send("Why?", to=session)
        return build_request(Run.objects.select_related("session", "model__provider", "message").get(pk=run.pk)).payload

    return payload


def test_a_session_without_settings_uses_those_of_the_model(payload, session):
    sent = payload(session)
    assert sent["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    assert (sent["temperature"], sent["top_p"]) == (0.3, 0.9)
    assert "max_tokens" not in sent


def test_settings_of_a_session_override_those_of_the_model(payload, session):
    sent = payload(session, system_prompt="You are a pirate.", temperature=0.0, max_tokens=12)
    assert sent["messages"][0] == {"role": "system", "content": "You are a pirate."}
    assert len(sent["messages"]) == 2
    assert (sent["temperature"], sent["max_tokens"], sent["top_p"]) == (0.0, 12, 0.9)


@pytest.fixture
def talk(session):
    """Add exchanges to the session: questions and answers of `characters` characters each."""

    def talk(exchanges: int, characters: int, parent: Message | None = None) -> Message:
        for number in range(exchanges):
            for role in (Role.USER, Role.ASSISTANT):
                text = f"{role[0]}{number} ".ljust(characters, "x")
                parent = Message.objects.create(session=session, parent=parent, role=role, content=text)
        type(session).objects.filter(pk=session.pk).update(tip=parent)
        return parent

    return talk


def contents(request: UpstreamRequest) -> list[str]:
    return [message["content"].split("x")[0].strip() for message in request.payload["messages"]]


def placed(run: Run) -> Run:
    """The run as it is when claimed: its question is attached to the branch."""
    run = Run.objects.select_related("session", "model__provider", "message__parent").get(pk=run.pk)
    transitions.attach_to_branch(run.message)
    return Run.objects.select_related("session", "model__provider", "message").get(pk=run.pk)


def test_only_the_branch_that_leads_to_the_question_is_read(send, session, talk):
    fork = talk(2, 10)
    for _ in range(10):
        talk(3, 10, fork)
    talk(1, 10, fork)
    run, read = placed(send("Why?")), []
    count = lambda sender, instance, **_: read.append(instance)  # noqa: E731
    post_init.connect(count, sender=Message)
    try:
        request = build_request(run)
    finally:
        post_init.disconnect(count, sender=Message)
    assert contents(request) == ["u0", "a0", "u1", "a1", "u0", "a0", "Why?"]
    assert len(read) == 7


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({}, 7),
        ({"CONTEXT_MAX_CHARACTERS": 604}, 7),
        ({"CONTEXT_MAX_CHARACTERS": 603}, 5),
        ({"CONTEXT_MAX_CHARACTERS": 504}, 5),
        ({"CONTEXT_MAX_CHARACTERS": 403}, 3),
        ({"CONTEXT_MAX_CHARACTERS": 1}, 1),
        ({"CONTEXT_MAX_MESSAGES": 7}, 7),
        ({"CONTEXT_MAX_MESSAGES": 6}, 5),
        ({"CONTEXT_MAX_MESSAGES": 5}, 5),
        ({"CONTEXT_MAX_MESSAGES": 1}, 1),
    ],
)
def test_the_oldest_exchanges_of_a_long_chat_are_left_out_whole_and_the_run_says_so(
    send, session, talk, settings, limits, kept
):
    talk(3, 100)
    run = placed(send("Why?"))
    for name, value in limits.items():
        setattr(settings, name, value)
    path = ["u0", "a0", "u1", "a1", "u2", "a2", "Why?"]
    assert contents(build_request(run)) == path[-kept:]
    run.refresh_from_db()
    assert run.left_out == 7 - kept


def test_files_and_the_system_prompt_count_for_the_length_of_a_context_and_the_prompt_stays(
    send, session, talk, settings
):
    last = talk(2, 100)
    Attachment.objects.create(message=last, position=0, name="a.txt", media_type="text/plain", size=500, text="z" * 500)
    type(session).objects.filter(pk=session.pk).update(system_prompt="p" * 50)
    run = placed(send("Why?"))
    settings.CONTEXT_MAX_CHARACTERS = 4 + 100 + 525 + 100 + 50
    assert len(build_request(run).payload["messages"]) == 4
    settings.CONTEXT_MAX_CHARACTERS -= 1
    messages = build_request(run).payload["messages"]
    assert [message["role"] for message in messages] == ["system", "user"]


def test_only_the_end_of_a_long_continued_answer_is_sent_and_staff_see_it(send, session, talk, settings):
    """An answer of 5.5 million characters was sent to the model in full."""
    answer = talk(2, 100)
    Message.objects.filter(pk=answer.pk).update(content="a" * 5_000 + "The end")
    run = send("Why?")
    Run.objects.filter(pk=run.pk).update(is_continuation=True, message=answer)
    settings.CONTEXT_MAX_CHARACTERS = 600
    run = Run.objects.select_related("session", "model__provider", "message").get(pk=run.pk)
    messages = build_request(run).payload["messages"]
    *before, written, question = [message["content"] for message in messages]
    assert (len(written), written[-7:], question) == (300, "The end", CONTINUE_PROMPT)
    assert [len(text) for text in before] == [100, 100, 100]
    run.refresh_from_db()
    assert run.left_out == 1
    settings.CONTEXT_MAX_CHARACTERS = 1
    assert len(build_request(run).body) < 1_000


def test_a_request_s_body_is_freed_once_it_will_not_be_sent_again():
    request = UpstreamRequest("http://h/", {"model": "m", "messages": []}, "key")
    assert request.payload == {"model": "m", "messages": []} and "key" not in repr(request)
    request.drop_body()
    assert request.body == b""


@pytest.mark.parametrize("build", [build_request, build_title_request])
def test_a_model_that_was_taken_away_gets_no_request(send, model, build):  # B54
    run = placed(send("Why?"))
    assert build(run).payload["model"] == "m"
    model.groups.add(Group.objects.create(name="Research"))
    with pytest.raises(ModelForbidden):
        build(run)
    run.session.owner.is_superuser = True
    assert build(run)
