"""What is set in a session, and whose change counts when two change it."""

import pytest

from chatapp.chats.models import Session
from tests.api.test_errors import assert_problem


def test_a_session_is_made_with_all_that_can_be_set(alice, model):
    values = {
        "title": "Birds",
        "model": model.name,
        "system_prompt": "Be brief.",
        "temperature": 0.5,
        "max_tokens": 100,
        "reasoning_effort": "low",
        "pinned": True,
        "archived": False,
    }
    response = alice.post("sessions", values)
    assert response.status_code == 201
    body = response.json()
    assert {name: body[name] for name in values} == values
    assert response["Location"] == f"/api/v1/sessions/{body['id']}"
    assert alice.client.get(response["Location"])["ETag"] == response["ETag"]


def test_what_is_not_named_stays(alice, session):
    alice.patch(f"sessions/{session.pk}", {"title": "Birds", "temperature": 1, "pinned": True})
    body = alice.patch(f"sessions/{session.pk}", {"temperature": None}).json()
    assert (body["title"], body["temperature"], body["pinned"], body["archived"]) == ("Birds", None, True, False)
    # Nothing is at the top and out of the way at once.
    body = alice.patch(f"sessions/{session.pk}", {"archived": True}).json()
    assert (body["pinned"], body["archived"]) == (False, True)


@pytest.mark.parametrize(
    "body",
    [
        {"temperature": 2.1},
        {"temperature": "1"},
        {"temperature": True},
        {"max_tokens": 0},
        {"reasoning_effort": "enormous"},
        {"max_tokens": 1.5},
        {"max_tokens": "5"},
        {"pinned": "true"},
        {"pinned": 1},
        {"system_prompt": "x" * 20_001},
        [],
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(alice, session, body):
    before = alice.get(f"sessions/{session.pk}").json()
    assert_problem(alice.patch(f"sessions/{session.pk}", body), 422, "invalid")
    assert alice.get(f"sessions/{session.pk}").json() == before


def test_whoever_knows_an_older_version_changes_nothing(alice, session):
    path = f"sessions/{session.pk}"
    known = alice.get(path)["ETag"]
    changed = alice.patch(path, {"title": "Birds"}, headers={"If-Match": known})
    assert changed.status_code == 200
    for change, body in ((alice.patch, {"title": "Bees"}), (alice.delete, None)):
        assert_problem(change(path, body, headers={"If-Match": known}), 412, "changed_meanwhile")
    assert Session.objects.get(pk=session.pk).title == "Birds"
    # It should go on from the version that there is, from any of several, or from whatever there is.
    for wanted in (changed["ETag"], f'"other", {changed["ETag"]}', "*"):
        assert alice.patch(path, {"title": "Birds"}, headers={"If-Match": wanted}).status_code == 200
    assert alice.delete(path, headers={"If-Match": changed["ETag"]}).status_code == 204


def test_a_version_that_is_known_is_not_told_again(alice, session, model):
    path = f"sessions/{session.pk}"
    etag = alice.get(path)["ETag"]
    known = alice.get(path, **{"If-None-Match": f"W/{etag}"})
    assert (known.status_code, known.content, known["ETag"]) == (304, b"", etag)
    # It should be another version while an answer is on its way.
    alice.ask(session)
    told = alice.get(path, **{"If-None-Match": etag})
    assert (told.status_code, told.json()["activity"]) == (200, "waiting")


def test_what_a_person_has_chosen_is_told_and_changed(alice, model, settings):
    settings.USER_MAX_RUNS = 7
    body = alice.get("me").json()
    assert (body["username"], body["staff"], body["theme"], body["limits"]["runs"]) == ("alice", False, "system", 7)
    changes = {"name": "Alice", "theme": "dark", "model": model.name, "notifies": True}
    assert alice.patch("me", changes).status_code == 200
    body = alice.get("me").json()
    assert {name: body[name] for name in changes} == changes
    assert_problem(alice.patch("me", {"model": "no-such-model"}), 422, "model_unknown")
    assert_problem(alice.patch("me", {"theme": "pink"}), 422, "invalid")
