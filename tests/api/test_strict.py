"""What the API does not know is refused wherever it is sent, with the nearest name; null is the default."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chatapp.api.serializers.strict import refuse_unknown
from chatapp.chats.models import Preferences, Session
from runs.models import Model
from tests.api.addresses import ROWS
from tests.api.test_access import things  # noqa: F401  (a fixture)
from tests.api.test_errors import assert_problem

PRIVATE = [row for row in ROWS if row.path.startswith("/api/v1/") and not row.is_public]


def refusals(rows, ask) -> dict:
    """What each of the rows is told that does not name the field `nosuch`."""
    told = {f"{row.method} {row.path}": ask(row) for row in rows}
    return {
        row: response.content
        for row, response in told.items()
        if response.status_code != 422 or list(response.json().get("fields", ())) != ["nosuch"]
    }


@pytest.mark.one_database
def test_an_unknown_parameter_is_refused_at_every_address(alice, things):  # noqa: F811
    def ask(row):
        path = row.path.format(**things)
        path += ("&" if "?" in path else "?") + "nosuch=1"
        return alice.client.generic(row.method, path, json.dumps(row.body or {}), content_type="application/json")

    assert refusals(PRIVATE, ask) == {}


@pytest.mark.one_database
def test_an_unknown_field_is_refused_at_every_address(alice, things):  # noqa: F811
    def ask(row):
        return getattr(alice, row.method.lower())(
            row.path.removeprefix("/api/v1/").format(**things), (row.body or {}) | {"nosuch": None}
        )

    assert refusals([row for row in PRIVATE if row.method != "GET" and row.file is None], ask) == {}
    form = {"file": SimpleUploadedFile("a.txt", b"Wrens"), "nosuch": "1"}
    refused = alice.client.post("/api/v1/files", form)
    assert (refused.status_code, list(refused.json()["fields"])) == (422, ["nosuch"])


def test_the_nearest_name_is_named(alice, session, model):
    refused = alice.post(f"sessions/{session.pk}/messages", {"text": "hello", "whenBusy": "reject"}).json()
    assert refused["fields"] == {"whenBusy": ["Unknown field. Did you mean when_busy?"]}
    refused = alice.get("sessions?achived=true").json()
    assert refused["fields"] == {"achived": ["Unknown parameter. Did you mean archived?"]}
    contenders = [{"model": model.name, "temprature": 1}, {"model": model.name}]
    refused = alice.post("compare", {"prompt": "Which?", "contenders": contenders}).json()
    assert refused["fields"]["contenders"]["0"] == {"temprature": ["Unknown field. Did you mean temperature?"]}
    assert alice.post(f"sessions/{session.pk}/seen", [1]).status_code == 422


def test_a_name_is_not_repeated_without_end():
    with pytest.raises(Exception) as raised:
        refuse_unknown(["x" * 10_000], {"text"}, "field")
    assert list(raised.value.detail) == ["x" * 100]


def test_an_object_that_was_read_may_be_sent_back(alice, session):
    read = alice.get(f"sessions/{session.pk}").json()
    changed = alice.patch(f"sessions/{session.pk}", read | {"title": "Birds"})
    assert (changed.status_code, changed.json()["title"]) == (200, "Birds")


def test_null_is_the_default_of_a_new_thing(alice, model):
    names = ("title", "model", "system_prompt", "temperature", "max_tokens", "pinned", "archived")
    made = alice.post("sessions", dict.fromkeys(names))
    plain = alice.post("sessions")
    assert made.status_code == 201
    assert {name: made.json()[name] for name in names} == {name: plain.json()[name] for name in names}
    sent = alice.post(f"sessions/{made.json()['id']}/messages", {"text": "hello", "model": None, "when_busy": None})
    assert sent.status_code == 202
    contenders = [{"model": model.name, "system_prompt": None}, {"model": model.name, "temperature": 1}]
    compared = alice.post("compare", {"prompt": "Which?", "contenders": contenders, "blind": None, "order": None})
    assert (compared.status_code, compared.json()["blind"], compared.json()["order"]) == (201, True, "parallel")


def test_null_resets_what_is_changed(alice, session, model):
    given = {
        "title": "Birds",
        "model": model.name,
        "system_prompt": "Be brief.",
        "archived": True,
        "reasoning_effort": "low",
    }
    assert alice.patch(f"sessions/{session.pk}", given).json() | given == alice.get(f"sessions/{session.pk}").json()
    reset = alice.patch(f"sessions/{session.pk}", dict.fromkeys(given)).json()
    assert {name: reset[name] for name in given} == {
        "title": "", "model": "", "system_prompt": "", "archived": False, "reasoning_effort": "",
    }  # fmt: skip
    assert alice.patch(f"sessions/{session.pk}", {"pinned": True}).json()["pinned"] is True
    assert alice.patch(f"sessions/{session.pk}", {"pinned": None}).json()["pinned"] is False
    alice.patch("me", {"name": "Alice", "theme": "dark", "model": model.name, "notifies": True})
    me = alice.patch("me", {"name": None, "theme": None, "model": None, "notifies": None}).json()
    fresh = Preferences()
    assert (me["name"], me["theme"], me["model"], me["notifies"]) == ("", fresh.theme, fresh.model, fresh.notifies)


def test_null_resets_a_schedule_where_it_has_a_default(alice, model):
    rule = {"kind": "every", "every": 2, "unit": "days", "starts": "2999-01-01T08:00:00", "zone": "UTC"}
    schedule = {"name": "Morning", "prompt": "New?", "model": model.name, "target": "same", "notify": "none", **rule}
    made = alice.post("schedules", schedule)
    assert made.status_code == 201, made.json()
    path = f"schedules/{made.json()['id']}"
    reset = alice.patch(path, {"model": None, "target": None, "notify": None, "weekdays": None, "cron": None}).json()
    assert (reset["model"], reset["target"], reset["notify"]) == ("", "new", "all")
    assert alice.patch(path, {"unit": None}).json()["unit"] == "hours"
    for name in ("name", "prompt", "kind", "zone"):
        refused = alice.patch(path, {name: None})
        assert_problem(refused, 422, "invalid")
        assert list(refused.json()["fields"]) == [name]


def test_nothing_is_written_by_what_is_refused(alice, session):
    assert alice.patch(f"sessions/{session.pk}", {"title": "Birds", "titel": "x"}).status_code == 422
    assert Session.objects.get(pk=session.pk).title == session.title
    assert not Model.objects.filter(name="x").exists()
