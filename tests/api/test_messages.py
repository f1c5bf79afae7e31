"""The messages of a session: all of them, one branch, one place."""

import pytest

from chatapp.chats.models import Session
from runs.lifecycle import transitions
from runs.models import Worker
from streams.events import Kind
from streams.log import store
from tests.api.test_errors import assert_problem


def items(person, path):
    response = person.get(path)
    assert response.status_code == 200, response.content
    return response.json()["items"]


@pytest.fixture
def worker(db):
    return Worker.objects.create(name="worker@test", pid=1, pool="gevent", lease_until="2100-01-01T00:00Z")


@pytest.fixture
def answered(alice, session, model, worker):
    """`answered("question", "answer")`: the run that wrote it."""

    def answered(question, answer="", end=True):
        run = alice.ask(session, question)
        transitions.claim(run.pk, run.task_id, worker)
        store.append(run.pk, (Kind.TEXT, {"text": answer}))
        if end:
            transitions.complete(run.pk, "stop")
        run.refresh_from_db()
        return run

    return answered


def test_an_answer_that_is_being_written_is_told_so_far_and_where_to_go_on(alice, session, answered):
    run = answered("one", "Once upon", end=False)
    question, answer = items(alice, f"sessions/{session.pk}/messages")
    assert (question["role"], question["content"], question["run"]) == ("user", "one", None)
    assert (answer["content"], answer["state"], answer["parent"]) == ("Once upon", "answering", question["id"])
    assert (answer["run"], answer["last_seq"]) == (str(run.pk), alice.get(f"runs/{run.pk}").json()["last_seq"])
    # It should be the same for one message, and on the branch.
    assert alice.get(f"messages/{run.message_id}").json()["content"] == "Once upon"
    assert [item["content"] for item in items(alice, f"sessions/{session.pk}/branch")] == ["one", "Once upon"]


def test_a_branch_is_read_to_its_end_or_to_a_message_of_another_one(alice, session, answered):
    first = answered("one", "First")
    answered("two", "Second")
    other = alice.post(f"runs/{first.pk}/again", {}).json()["run"]
    transitions.stop(other["id"])
    branch = items(alice, f"sessions/{session.pk}/branch")
    assert [item["content"] for item in branch] == ["one", ""]
    assert branch[1]["siblings"] == [str(first.message_id), other["message"]]
    tree = items(alice, f"sessions/{session.pk}/messages")
    assert [item["content"] for item in tree] == ["one", "First", "two", "Second", ""]
    leaf = tree[3]["id"]
    branch = items(alice, f"sessions/{session.pk}/branch?leaf={leaf}")
    assert [item["content"] for item in branch] == ["one", "First", "two", "Second"]
    # It should be what the session shows, once somebody wants that.
    assert alice.post(f"messages/{first.message_id}/show").json()["tip"] == leaf
    assert items(alice, f"sessions/{session.pk}/branch") == branch


def test_a_branch_is_read_page_by_page(alice, session, answered):
    for number in range(3):
        answered(f"q{number}", f"a{number}")
    path = f"sessions/{session.pk}/branch?limit=4"
    first = alice.get(path).json()
    second = alice.get(f"{path}&cursor={first['next']}").json()
    found = [item["content"] for page in (first, second) for item in page["items"]]
    assert found == ["q0", "a0", "q1", "a1", "q2", "a2"]
    assert (first["previous"], second["next"]) == (None, None)
    assert alice.get(f"{path}&cursor={second['previous']}").json()["items"] == first["items"]
    assert_problem(alice.get(f"{path}&cursor=x"), 422, "invalid")


def test_the_versions_of_a_question_stand_in_one_place(alice, session, answered):
    first = answered("one", "First")
    edited = alice.post(f"messages/{first.message.parent_id}/edit", {"text": "one, better"}).json()["message"]
    siblings = items(alice, f"messages/{edited['id']}/siblings")
    assert [item["content"] for item in siblings] == ["one", "one, better"]
    assert alice.get(f"messages/{edited['id']}").json()["siblings"] == [item["id"] for item in siblings]


def test_a_branch_ends_with_a_message_of_its_own_session(alice, bob, session, answered):
    elsewhere = Session.objects.create(owner=bob.user)
    question = bob.ask(elsewhere, "mine").message.parent
    assert_problem(alice.get(f"sessions/{session.pk}/branch?leaf={question.pk}"), 404, "not_found")
    assert_problem(alice.get(f"sessions/{session.pk}/branch?leaf=1"), 422, "invalid")
    assert items(alice, f"sessions/{session.pk}/branch") == []
