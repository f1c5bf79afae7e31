"""Schedules through the API: the rules of the page's form, in JSON."""

import pytest

from chatapp.chats.models import Session
from chatapp.schedules.models import Occurrence, Schedule
from runs.models import Run
from tests.api.test_errors import assert_problem

DAILY = {"name": "Morning", "prompt": "What is new?", "kind": "daily", "at": "08:00", "zone": "Europe/Berlin"}
RULES = {
    "daily": {"kind": "daily", "at": "08:00:00"},
    "weekly": {"kind": "weekly", "at": "09:30:00", "weekdays": [0, 4]},
    "monthly": {"kind": "monthly", "at": "00:00:00", "month_day": 31},
    "every": {"kind": "every", "every": 90, "unit": "minutes", "starts": "2026-01-01T00:00:00"},
    "once": {"kind": "once", "starts": "2999-01-01T08:00:00"},
    "cron": {"kind": "cron", "cron": "0 9 * * MON-FRI"},
}
KEY = {"Idempotency-Key": "m"}


@pytest.mark.parametrize("name", RULES)
def test_what_is_set_is_told_and_a_change_keeps_the_rest(alice, model, name):
    rule = RULES[name] | {"zone": "Europe/Berlin"}
    more = {
        "name": "Mine",
        "prompt": "Hello",
        "model": model.name,
        "missed": "skip",
        "overlap": "enqueue",
        "notify": "none",
    }
    made = alice.post("schedules", rule | more)
    assert made.status_code == 201, made.content
    body = made.json()
    assert {key: body[key] for key in rule | more} == rule | more
    assert body["words"] and body["next_at"]
    changed = alice.patch(f"schedules/{body['id']}", {"name": "Yours"})
    assert changed.status_code == 200, changed.content
    same = body.keys() - {"name", "next_at"}
    assert {key: changed.json()[key] for key in same} == {key: body[key] for key in same}
    assert alice.get(f"schedules/{body['id']}").json() == changed.json()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": "sometimes"}, "kind"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"at": "25:00"}, "at"),
        ({"at": None}, "at"),
        ({"at": 8}, "at"),
        ({"kind": "weekly", "weekdays": []}, "weekdays"),
        ({"kind": "weekly", "weekdays": [7]}, "weekdays"),
        ({"kind": "cron", "cron": "every day"}, "cron"),
        ({"kind": "cron", "cron": "0 0 31 2 *"}, "cron"),
        ({"kind": "once", "starts": "2020-01-01T00:00:00"}, "starts"),
        ({"kind": "once", "starts": "tomorrow"}, "starts"),
        ({"kind": "every", "every": 0, "unit": "hours"}, "every"),
        ({"kind": "every", "every": "1", "unit": "hours"}, "every"),
        ({"name": ""}, "name"),
        ({"target": "same", "session": "0198c0de-5d1e-7c3a-9a51-5a3c2f6f9a10"}, "session"),
        ({"missed": "maybe"}, "missed"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_and_says_where(alice, values, field):
    response = alice.post("schedules", DAILY | values)
    assert_problem(response, 422, "invalid")
    assert list(response.json()["fields"]) == [field]
    assert not Schedule.objects.exists()


def test_a_weekday_refused_in_a_query_has_a_list_of_errors_like_any_field(alice):
    response = alice.get("schedules/preview?kind=weekly&at=09:00&zone=UTC&weekdays=7")
    assert_problem(response, 422, "invalid")
    assert [*map(type, response.json()["fields"]["weekdays"])] == [str]


@pytest.mark.parametrize(
    ("values", "field", "stored"),
    [
        ({"at": " 08:30 "}, "at", "08:30:00"),
        ({"kind": "once", "starts": " 2999-01-01T08:00 "}, "starts", "2999-01-01T08:00:00"),
    ],
)
def test_white_space_around_a_time_does_not_count(alice, model, values, field, stored):
    response = alice.post("schedules", DAILY | values)
    assert response.status_code == 201, response.content
    assert response.json()[field] == stored


def test_a_session_of_somebody_else_is_none(alice, bob, session):
    body = DAILY | {"target": "same", "session": str(session.pk)}
    assert alice.post("schedules", body).json()["session"] == str(session.pk)
    assert_problem(bob.post("schedules", body), 422, "invalid")


def test_a_rule_is_explained_before_it_is_kept(alice):
    body = alice.get("schedules/preview?kind=weekly&at=09:00&weekdays=04&zone=Europe/Berlin").json()
    assert body["words"] == "Every Monday and Friday at 09:00"
    assert len(body["times"]) == 5 and body["zone"] == "Europe/Berlin"
    assert_problem(alice.get("schedules/preview?kind=weekly&at=09:00&zone=UTC"), 422, "invalid")
    assert_problem(alice.get("schedules/preview"), 422, "invalid")


def test_a_schedule_is_run_now_paused_resumed_copied_and_deleted(alice, model):
    made = alice.post("schedules", DAILY, headers=KEY).json()
    path = f"schedules/{made['id']}"
    assert alice.post("schedules", DAILY, headers=KEY).json()["id"] == made["id"]
    ran = alice.post(f"{path}/run", headers=KEY)
    assert (ran.status_code, ran.json()["by_hand"], ran.json()["state"]) == (202, True, "running")
    assert alice.post(f"{path}/run", headers=KEY).json() == ran.json()
    assert Run.objects.get().trigger == "schedule"
    assert alice.get(f"{path}/occurrences").json()["items"] == [ran.json()]
    Occurrence.objects.update(due_at="2026-01-01T00:00Z")  # the same second would be the same occurrence
    assert_problem(alice.post(f"{path}/run"), 409, "schedule_still_running")
    assert alice.post(f"{path}/pause").json()["paused"] == "owner"
    assert alice.post(f"{path}/resume").json()["paused"] == ""
    copy = alice.post(f"{path}/duplicate").json()
    assert (copy["name"], copy["paused"]) == ("Morning (copy)", "owner")
    assert [item["id"] for item in alice.get("schedules").json()["items"]] == [copy["id"], made["id"]]
    assert alice.delete(path).status_code == 204
    assert [str(pk) for pk in Schedule.objects.values_list("pk", flat=True)] == [copy["id"]]
    assert Session.objects.exists()  # what was answered stays


def test_there_are_so_many_schedules_and_no_more(alice, settings):
    settings.USER_MAX_SCHEDULES = 1
    assert alice.post("schedules", DAILY).status_code == 201
    assert_problem(alice.post("schedules", DAILY), 409, "too_many_schedules")
