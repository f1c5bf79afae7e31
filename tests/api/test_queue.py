"""The queue through the API: what waits is listed, edited, removed, cleared, sent now and released."""

import pytest

from chatapp.chats.models import Message, Session
from runs.lifecycle import transitions
from runs.models import Run
from tests.api.test_errors import assert_problem


@pytest.fixture
def asked(alice, session, model):
    """`one` is being answered, `two` and `three` wait."""
    return [alice.ask(session, text) for text in ("one", "two", "three")]


def waiting(alice, session):
    return [item["text"] for item in alice.get(f"sessions/{session.pk}/queue").json()["items"]]


def test_the_queue_lists_what_waits_in_its_order(alice, session, asked, model):  # B18
    body = alice.get(f"sessions/{session.pk}/queue").json()
    assert body["held"] is False
    assert [item["text"] for item in body["items"]] == ["two", "three"]
    item = body["items"][0]
    assert item.keys() == {"run", "message", "text", "attachments", "model", "queued_at"}
    assert (item["run"], item["message"]) == (str(asked[1].pk), str(asked[1].message.parent_id))
    assert item["model"] == model.name


def test_a_message_that_waits_is_edited(alice, session, asked):  # B18
    response = alice.patch(f"runs/{asked[1].pk}/waiting", {"text": "two, better"})
    assert (response.status_code, response.json()["text"]) == (200, "two, better")
    assert waiting(alice, session) == ["two, better", "three"]


def test_a_message_that_waits_is_removed_without_a_trace(alice, session, asked):  # B18
    assert alice.delete(f"runs/{asked[1].pk}/waiting").status_code == 204
    assert waiting(alice, session) == ["three"]
    assert not Message.objects.filter(content="two").exists()
    assert_problem(alice.delete(f"runs/{asked[1].pk}/waiting"), 404, "not_found")


def test_the_queue_is_cleared_and_what_is_being_answered_goes_on(alice, session, asked):  # B18
    assert alice.delete(f"sessions/{session.pk}/queue").status_code == 204
    assert waiting(alice, session) == []
    assert list(Run.objects.active()) == [asked[0]]
    # It should be the same once more.
    assert alice.delete(f"sessions/{session.pk}/queue").status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("patch", "waiting", {"text": "x"}), ("delete", "waiting", None), ("post", "send-now", None)],
)
def test_what_waits_no_more_is_neither_edited_nor_removed_nor_sent(alice, asked, method, path, body):  # B18
    assert_problem(getattr(alice, method)(f"runs/{asked[0].pk}/{path}", body), 409, "not_queued")


def test_send_now_goes_to_the_head_and_asks_what_runs_to_stop(alice, session, asked):  # B18
    response = alice.post(f"runs/{asked[2].pk}/send-now")
    assert response.status_code == 202
    assert (response.json()["run"]["id"], response.json()["message"]["content"]) == (str(asked[2].pk), "three")
    assert response["Location"] == f"/api/v1/runs/{asked[2].pk}"
    assert waiting(alice, session) == ["three", "two"]
    assert Run.objects.get(pk=asked[0].pk).stop_reason == "replaced"


def test_a_held_queue_is_released_and_starts_with_its_head(alice, session, asked):  # B18, B19
    transitions.stop(asked[0].pk)
    Session.objects.update(is_queue_held=True)
    assert alice.get(f"sessions/{session.pk}/queue").json()["held"] is True
    response = alice.post(f"sessions/{session.pk}/queue/release")
    assert (response.status_code, response.json()["held"]) == (202, False)
    assert [item["text"] for item in response.json()["items"]] == ["three"]
    assert list(session.runs.under_way()) == [asked[1]]


@pytest.mark.parametrize("by", ["edit", "again"])
def test_nothing_branches_off_a_message_that_still_waits(alice, asked, by):
    path = f"runs/{asked[1].pk}/again" if by == "again" else f"messages/{asked[1].message.parent_id}/edit"
    body = {} if by == "again" else {"text": "x"}
    assert_problem(alice.post(path, body), 409, "still_queued")
