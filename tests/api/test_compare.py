"""Comparisons through the API: as on the pages, and as blind."""

import pytest

from chatapp.chats.models import Session
from chatapp.compare.models import Comparison
from runs.lifecycle import attached, transitions
from runs.models import Run, Worker
from streams.events import Kind
from streams.log import store
from tests.api.conftest import a_model
from tests.api.test_errors import assert_problem

NAMES = ["betula", "fagus", "quercus"]
KEY = {"Idempotency-Key": "oak"}


@pytest.fixture
def models(db):
    return [a_model(name=name, label=f"{name.title()} Large", upstream_id=f"{name}-1") for name in NAMES]


@pytest.fixture
def ask(alice, models):
    def ask(headers=None, **values):
        body = {"prompt": "Which tree?", "contenders": [{"model": name} for name in NAMES]} | values
        return alice.post("compare", body, headers=headers or {})

    return ask


@pytest.fixture
def answer(db):
    """`answer(comparison)`: all its panes are written to their end."""
    worker = Worker.objects.create(name="w", pid=1, pool="gevent", lease_until="2100-01-01T00:00Z")

    def answer(body):
        for pane in Comparison.objects.get(pk=body["id"]).panes.select_related("run"):
            assert transitions.claim(pane.run_id, pane.run.task_id, worker)
            store.append(pane.run_id, (Kind.TEXT, {"text": f"Answer {pane.letter}"}))
            transitions.complete(pane.run_id, "stop")

    return answer


def names_in(*responses):
    return [name for name in NAMES for each in responses if name in (each.text + str(each.headers)).lower()]


def test_a_blind_comparison_names_nobody_before_the_vote_and_everybody_after_it(alice, ask, answer):  # B45
    asked = ask()
    assert asked.status_code == 201
    body = asked.json()
    path = f"compare/{body['id']}"
    answer(body)
    read = alice.get(path)
    panes = read.json()["panes"]
    assert [(pane["letter"], pane["state"], pane["text"]) for pane in panes] == [
        (letter, "completed", f"Answer {letter}") for letter in "ABC"
    ]
    assert {pane["contender"] for pane in panes} == {pane["model"] for pane in panes} == {None}
    refused = [alice.post(f"panes/{panes[0]['id']}/continue"), alice.get(f"runs/{panes[0]['run']}")]
    assert_problem(refused[0], 409, "still_blind")
    assert_problem(refused[1], 404, "not_found")
    lists = [alice.get(where) for where in ("compare", "compare/scoreboard", "runs", "sessions")]
    assert names_in(asked, read, *refused, *lists) == []
    # One vote lifts it; another one is refused.
    voted = alice.post(f"{path}/vote", {"choice": "B"})
    assert (voted.status_code, voted.json()["winner"], voted.json()["hidden"]) == (200, "B", False)
    assert {pane["model"] for pane in voted.json()["panes"]} == set(NAMES)
    assert_problem(alice.post(f"{path}/vote", {"choice": "A"}), 409, "already_voted")
    winner = next(pane for pane in voted.json()["panes"] if pane["letter"] == "B")
    board = alice.get("compare/scoreboard").json()["items"]
    assert (board[0]["contender"], board[0]["wins"]) == (winner["contender"], 1)


def test_a_pane_is_stopped_asked_again_closed_and_gone_on_with(alice, ask):
    body = ask(blind=False).json()
    first, second, third = (pane["id"] for pane in body["panes"])
    assert {pane["model"] for pane in body["panes"]} == set(NAMES)
    stopped = alice.post(f"panes/{first}/stop").json()["panes"]
    assert [pane["state"] for pane in stopped] == ["stopped", "waiting", "waiting"]
    assert_problem(alice.post(f"panes/{second}/again"), 409, "still_answering")
    assert_problem(alice.post(f"panes/{second}/resume"), 409, "still_answering")
    assert_problem(alice.post(f"compare/{body['id']}/resume"), 409, "still_answering")
    resumed = alice.post(f"panes/{first}/resume")
    assert (resumed.status_code, resumed.json()["panes"][0]["state"]) == (202, "waiting")
    attached.stop_without_viewer(resumed.json()["panes"][0]["run"])
    resumed = alice.post(f"compare/{body['id']}/resume")
    assert (resumed.status_code, resumed.json()["panes"][0]["state"]) == (202, "waiting")
    stopped = alice.post(f"panes/{first}/stop").json()["panes"]
    again = alice.post(f"panes/{first}/again", headers=KEY)
    assert again.status_code == 202
    assert again.json()["panes"][0]["run"] != stopped[0]["run"]
    assert alice.post(f"panes/{first}/again", headers=KEY).json()["panes"][0]["run"] == again.json()["panes"][0]["run"]
    assert [pane["id"] for pane in alice.post(f"panes/{third}/close").json()["panes"]] == [first, second]
    assert_problem(alice.post(f"panes/{second}/close"), 409, "too_few_panes")
    session = alice.post(f"panes/{first}/continue").json()
    assert alice.get(f"sessions/{session['id']}").status_code == 200
    assert alice.get(f"compare/{body['id']}").json()["panes"][0]["session"] == session["id"]
    assert {pane["state"] for pane in alice.post(f"compare/{body['id']}/stop").json()["panes"][1:]} == {"stopped"}
    # The chat that was made of a pane should stay.
    assert alice.delete(f"compare/{body['id']}").status_code == 204
    assert [str(pk) for pk in Session.objects.values_list("pk", flat=True)] == [session["id"]]


def test_a_comparison_is_asked_for_once(ask):  # B21, B22
    first, again = ask(KEY), ask(KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert Run.objects.count() == 3
    assert_problem(ask(KEY, prompt="Which bush?"), 422, "idempotency_key_reused")


def test_one_after_the_other_only_the_first_begins(ask):  # B44
    body = ask(order="sequential").json()
    assert body["order"] == "sequential"
    assert [Run.objects.get(pk=pane["run"]).task_id is None for pane in body["panes"]] == [False, True, True]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"contenders": [{"model": "fagus"}]}, "invalid"),
        ({"contenders": [{"model": "fagus"}, {"model": "fagus"}]}, "invalid"),
        ({"contenders": [{"model": "fagus"}] * 7}, "invalid"),
        ({"contenders": "fagus"}, "invalid"),
        ({"contenders": [{"model": "fagus", "temperature": 3}, {"model": "betula"}]}, "invalid"),
        ({"contenders": [{"model": "fagus"}, {"model": "pinus"}]}, "model_unknown"),
        ({"prompt": " "}, "prompt_empty"),
        ({"blind": "yes"}, "invalid"),
        ({"order": "random"}, "invalid"),
    ],
)
def test_a_question_that_makes_no_sense_is_asked_of_nobody(ask, values, code):
    assert_problem(ask(**values), 422, code)
    assert not Comparison.objects.exists() and not Session.objects.exists()


def test_a_vote_for_nobody_is_none(alice, ask, answer):  # B45
    body = ask(contenders=[{"model": "fagus"}, {"model": "betula"}]).json()
    assert_problem(alice.post(f"compare/{body['id']}/vote", {"choice": "A"}), 409, "still_answering")
    answer(body)
    assert_problem(alice.post(f"compare/{body['id']}/vote", {"choice": "C"}), 400, "pane_unknown")
    assert_problem(alice.post(f"compare/{body['id']}/vote", {"choice": "best"}), 422, "invalid")
    assert alice.post(f"compare/{body['id']}/vote", {"choice": "tie"}).json()["winner"] == "tie"


def test_a_comparison_as_a_file_is_blind_until_the_vote(alice, bob, ask, answer):  # B45
    body = ask().json()
    answer(body)
    path = f"compare/{body['id']}/export.md"
    blind = alice.get(path)
    assert blind["Content-Type"] == "text/markdown; charset=utf-8"
    assert blind["Content-Disposition"] == f'attachment; filename="comparison-{body["id"]}.md"'
    assert "Which tree?" in blind.text and "Answer B" in blind.text and not names_in(blind)
    alice.post(f"compare/{body['id']}/vote", {"choice": "B"})
    assert names_in(alice.get(path)) == NAMES
    assert_problem(bob.get(path), 404, "not_found")
