"""What a message brings along for its answer: instructions, parameters, tools and their results."""

import pytest

from chatapp.chats.models import Message, MessageState, Session
from runs.lifecycle import transitions
from runs.models import Run
from runs.states import Status
from runs.upstream.request import build_request

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
CALL = {"index": 0, "id": "call_w", "name": "weather", "arguments": "{}"}


@pytest.fixture(autouse=True)
def _model(model):
    return model


def payload(run: Run) -> dict:
    run = Run.objects.select_related("session", "message", "model__provider").get(pk=run.pk)
    transitions.attach_to_branch(run.message)
    run.message.refresh_from_db()
    return build_request(run).payload


def finish(run: Run, **values) -> None:
    transitions.stop(run.pk)
    Message.objects.filter(pk=run.message_id).update(state=MessageState.COMPLETE, **values)
    Run.objects.filter(pk=run.pk).update(status=Status.COMPLETED, reason="")


def test_instructions_and_parameters_are_for_one_answer(alice, session):
    Session.objects.filter(pk=session.pk).update(system_prompt="Be long.", temperature=1, max_tokens=9)
    parameters = {"temperature": 0.5, "stop": ["END"], "response_format": {"type": "json_object"}, "tools": [TOOL]}
    run = alice.ask(session, "one", instructions="Be brief.", parameters=parameters)
    sent = payload(run)
    assert {name: sent[name] for name in parameters} == parameters
    assert (sent["messages"][0]["content"], sent["max_tokens"]) == ("Be brief.", 9)
    finish(run, content="1")
    later = payload(alice.ask(session, "two"))
    assert (later["messages"][0]["content"], later["temperature"]) == ("Be long.", 1)
    assert not later.keys() & {"tools", "stop", "response_format"}


def test_results_of_tools_go_back_as_they_are_and_are_read_in_words(alice, session):
    run = alice.ask(session, "Weather?", parameters={"tools": [TOOL]})
    finish(run, tools=[CALL])
    assert alice.get(f"runs/{run.pk}").json()["tools"] == []  # of the log, which is empty here
    more = {"tool_results": [{"id": "call_w", "content": "cold"}], "parameters": {"tools": [TOOL]}}
    last = alice.ask(session, "", **more)
    assert last.message.parent.content == "Result of weather:\n\ncold"
    roles = [(message["role"], message["content"]) for message in payload(last)["messages"]]
    assert roles == [("user", "Weather?"), ("assistant", None), ("tool", "cold")]


def test_another_answer_by_a_program_has_the_same_options(alice, session):
    run = alice.ask(session, "one", parameters={"seed": 7})
    finish(run, content="1")
    again = alice.post(f"runs/{run.pk}/again", {}).json()["run"]["id"]
    assert payload(Run.objects.get(pk=again))["seed"] == 7


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"parameters": {"temperature": 3}}, "parameters"),
        ({"parameters": {"tools": [{"type": "web_search"}]}}, "parameters"),
        ({"parameters": {"tool_choice": "required"}}, "parameters"),
        ({"parameters": []}, "parameters"),
        ({"tool_results": [{"id": "call_x", "content": "cold"}]}, "tool_results"),
        ({"tool_results": [{"id": "call_x"}]}, "tool_results"),
        ({"instructions": 5}, "instructions"),
    ],
)
def test_what_makes_no_sense_is_refused(alice, session, more, field):
    response = alice.post(f"sessions/{session.pk}/messages", {"text": "Hi", **more})
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    assert list(response.json()["fields"]) == [field]
    assert not Run.objects.exists()


@pytest.mark.parametrize("query", ["stream=perhaps", "wait=-1", "wait=301", "wait=soon", "color=red"])
def test_a_query_that_makes_no_sense_is_refused_before_anything_is_sent(alice, session, query):
    for path in (f"sessions/{session.pk}/messages", "messages"):
        response = alice.post(f"{path}?{query}", {"text": "Hi"})
        assert (response.status_code, response.json()["code"]) == (422, "invalid"), response.content
    assert not Run.objects.exists()


def test_a_first_message_begins_a_session(alice, bob):
    body = {"text": "What is a wren?", "session": {"title": "Birds", "system_prompt": "Be brief."}}
    response = alice.post("messages", body, headers={"Idempotency-Key": "k"})
    assert response.status_code == 202
    run = Run.objects.get(pk=response.json()["run"]["id"])
    assert (run.session.title, run.session.owner, run.session.is_listed) == ("Birds", alice.user, True)
    again = alice.post("messages", body, headers={"Idempotency-Key": "k"}).json()
    assert (again["run"]["id"], Session.objects.count()) == (str(run.pk), 1)
    assert bob.get(f"runs/{run.pk}").status_code == 404


def test_a_first_message_that_is_refused_leaves_no_session(alice):
    for body in ({"text": " "}, {"text": "Hi", "model": "no-such"}, {"text": "Hi", "session": {"model": "no-such"}}):
        assert alice.post("messages", body).status_code == 422
    assert not Session.objects.exists()
