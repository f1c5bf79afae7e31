"""Who may use a model is checked by the worker, too: an answer may start long after it was asked for."""

from json import dumps as to_json

import pytest
from django.contrib.auth.models import Group

from runs.models import Model, Run
from runs.states import Status
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.one_database


@pytest.fixture
def member(stack):
    """Alice, a member of the only group that may use the model of the name "members"."""
    alice = stack.person("alice")
    group, _ = Group.objects.get_or_create(name="Research")
    model, _ = Model.objects.get_or_create(
        name="members", defaults={"label": "Members", "provider": Model.objects.first().provider, "upstream_id": "m"}
    )
    model.groups.set([group])
    alice.user.groups.add(group)
    return alice


def test_an_answer_that_waited_fails_if_its_model_was_taken_away_meanwhile(stack, member):  # B54
    first, second = prompt(tokens=3, hold=[2]), prompt(tokens=3)
    session = member.new_session()
    running, waiting = member.send(first, session), member.send(second, session, model="members")
    stack.upstream.wait(first.tag, "started")
    member.user.groups.clear()
    stack.upstream.release(first.tag)
    assert check(running).status == Status.COMPLETED
    run = check(waiting, member.follow(waiting))
    assert (run.status, run.code, run.retryable) == (Status.FAILED, "model_forbidden", False)
    assert stack.upstream.connections(second.tag) == []
    # It should be possible to go on by another model.
    assert check(member.send(prompt(tokens=2), session, model="scripted")).status == Status.COMPLETED


def test_a_step_of_a_comparison_fails_if_its_model_was_taken_away_meanwhile(stack, member):  # B54
    say = prompt(tokens=3, hold=[2])
    contenders = [{"model": "members", "temperature": temperature} for temperature in (0.1, 0.2)]
    body = {"prompt": say, "contenders": contenders, "order": "sequential"}
    panes = member.api("POST", "/compare", body).json()["panes"]
    first, second = (Run.objects.get(pk=pane["run"]) for pane in panes)
    followers = [member.follow(run) for run in (first, second)]
    stack.upstream.wait(say.tag, "started")
    member.user.groups.clear()
    stack.upstream.release(say.tag)
    assert check(first, followers[0]).status == Status.COMPLETED
    run = check(second, followers[1])
    assert (run.status, run.code) == (Status.FAILED, "model_forbidden")
    assert len(stack.upstream.connections(say.tag)) == 1


def test_programs_ask_a_model_of_a_group_for_its_members_only(stack, member):  # B55
    stranger = stack.person("bob")
    question = {"role": "user", "content": prompt(tokens=3)}
    chat = {"id": "c", "message": {"id": "m", "role": "user", "parts": [{"type": "text", "text": prompt(tokens=3)}]}}
    doors = {
        "/v1/chat/completions": ({"messages": [question]}, 404, "model_not_found"),
        "/v1/responses": ({"input": [question]}, 404, "model_not_found"),
        "/api/chat": (chat, 422, "model_unknown"),
    }
    for path, (body, status, code) in doors.items():
        reply = ask(member, path, body)
        assert reply.status == 200 and spoken(1).encode() in reply.body
        refused = ask(stranger, path, body)
        assert refused.status == status and code in refused.body.decode()
        assert ask(stranger, path, body | {"model": "scripted"}).status == 200  # what was refused is the model


def ask(person, path, body):
    headers = person.bearer | {"Content-Type": "application/json"}
    return person.request("POST", path, to_json({"model": "members"} | body).encode(), headers)
