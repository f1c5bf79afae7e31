"""The pages of schedules, as a browser without JavaScript and as the form's script ask for them."""

import html
import re
from datetime import UTC, datetime, time

import pytest
from django.urls import reverse

from chatapp.chats.models import News
from chatapp.schedules import actions, firing
from chatapp.schedules.models import Kind, Overlap, Paused, Schedule, State, Target
from chatapp.web.schedules.forms import PRESETS
from runs.errors import RunError
from runs.lifecycle import transitions
from runs.models import Model, Run

pytestmark = pytest.mark.one_database


def form(**values: object) -> dict[str, object]:
    """What the form posts."""
    return {
        "name": "Weather",
        "prompt": "What is the weather?\r\nAnd why?",
        "model": "",
        "target": "new",
        "kind": "daily",
        "at": "07:30",
        "weekdays": ["0", "4"],
        "month_day": "31",
        "every": "2",
        "unit": "60",
        "starts": "2026-11-25T10:00",
        "cron": "0 9 * * MON-FRI",
        "zone": "Europe/Berlin",
        "missed": "run",
        "overlap": "skip",
        "notify": "all",
    } | values


def words(response) -> str:
    """The text of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def page_of(schedule: Schedule, name: str = "schedule") -> str:
    return reverse(name, args=[schedule.pk])


RULES = {
    "daily": ("Every day at 07:30", "Sat 21 Nov 2026, 07:30 CET"),
    "weekly": ("Every Monday and Friday at 07:30", "Mon 23 Nov 2026, 07:30 CET"),
    "monthly": ("On the 31st of each month (its last day, where it is shorter) at 07:30", "Mon 30 Nov 2026, 07:30 CET"),
    "every": ("Every 2 hours, counted from 25 November 2026 at 10:00", "Wed 25 Nov 2026, 10:00 CET"),
    "once": ("Once, on 25 November 2026 at 10:00", "Wed 25 Nov 2026, 10:00 CET"),
    "cron": ("At 09:00 on Monday through Friday", "Mon 23 Nov 2026, 09:00 CET"),
}


@pytest.mark.parametrize("kind", RULES)
def test_the_form_makes_a_schedule_whose_page_says_what_it_means(browser, clock, alice, kind):  # B50
    response = browser.post("/schedules/new", form(kind=kind))
    schedule = Schedule.objects.get()
    assert response.url == page_of(schedule)
    assert (schedule.owner, schedule.prompt, schedule.kind) == (alice, "What is the weather?\nAnd why?", kind)
    for page in (response.url, "/schedules"):
        text = words(browser.get(page))
        assert RULES[kind][0] in text
        assert RULES[kind][1].removesuffix(" CET") in text

    # What is shown for editing should be what was entered: saved as it is, nothing changes
    shown = browser.get(page_of(schedule, "edit_schedule")).context["form"]
    again = {name: shown[name].value() for name in shown.fields}
    again = {name: value for name, value in again.items() if value is not None}
    again["at"] = f"{again['at']:%H:%M}" if isinstance(again["at"], time) else again["at"]
    if "starts" in again:
        again["starts"] = f"{again['starts']:%Y-%m-%dT%H:%M}"
    before = Schedule.objects.values().get()
    assert browser.post(page_of(schedule, "edit_schedule"), again).status_code == 302
    assert Schedule.objects.values().get() == before


@pytest.mark.parametrize("kind", RULES)
def test_the_preview_shows_the_rule_in_words_and_its_next_times(browser, clock, kind):  # B50
    said, first = RULES[kind]
    asked = form(kind=kind)
    for response in (
        browser.get("/schedules/preview", asked),
        browser.post("/schedules/new", asked | {"preview": "1"}),
    ):
        text = words(response)
        assert response.status_code == 200
        assert said in text
        assert first in text
        assert response.content.decode().count("<time") == (1 if kind == "once" else 5)
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "cron", "cron": "61 * * * *"}, "Bad minute."),
        ({"kind": "cron", "cron": "every day"}, "Enter five fields"),
        ({"kind": "cron", "cron": ""}, "Enter five fields"),
        ({"kind": "weekly", "weekdays": []}, "This field is required."),
        ({"kind": "weekly", "weekdays": ["7"]}, "7 is not one of the available choices."),
        ({"kind": "monthly", "month_day": "32"}, "less than or equal to 31"),
        ({"kind": "every", "every": "0"}, "greater than or equal to 1"),
        ({"kind": "every", "every": "", "unit": ""}, "This field is required."),
        ({"kind": "daily", "at": "25:00"}, "Enter a valid time."),
        ({"kind": "daily", "at": ""}, "This field is required."),
        ({"kind": "once", "starts": "2026-11-20T12:59"}, "This time has already passed."),
        ({"kind": "once", "starts": ""}, "This field is required."),
        ({"kind": "once", "starts": "9999-12-31T23:59"}, "Choose a year between 2000 and 2999."),
        ({"kind": "once", "starts": "0001-01-01T00:00"}, "Choose a year between 2000 and 2999."),
        ({"kind": "sometimes"}, "sometimes is not one of the available choices."),
        ({"zone": "Atlantis/Center"}, "Choose one of the time zones in the list"),
        ({"zone": "../../etc/passwd"}, "Choose one of the time zones in the list"),
        ({"zone": ""}, "This field is required."),
    ],
)
def test_a_rule_that_makes_no_sense_says_why_and_keeps_what_was_typed(browser, clock, wrong, said):
    posted = form(**wrong)
    response = browser.post("/schedules/new", posted)
    assert response.status_code == 422
    assert said in words(response)
    assert "And why?" in words(response)
    assert not Schedule.objects.exists()
    preview = browser.get("/schedules/preview", posted)
    assert (preview.status_code, said in words(preview)) == (200, True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": " "}, "This field is required."),
        ({"prompt": ""}, "This field is required."),
        ({"prompt": "x" * 100_001}, "The message is too long: 100,001 characters. The limit is 100,000."),
        ({"prompt": "a\0b"}, "Null characters are not allowed."),
        ({"model": "nobody"}, "That choice is not one of the available choices."),
        ({"target": "elsewhere"}, "elsewhere is not one of the available choices."),
        ({"notify": "loudly"}, "loudly is not one of the available choices."),
    ],
)
def test_so_does_the_rest_of_the_form(browser, clock, wrong, said):
    response = browser.post("/schedules/new", form(**wrong))
    assert (response.status_code, said in words(response)) == (422, True)
    assert not Schedule.objects.exists()


def test_fields_that_a_rule_does_not_need_may_hold_anything(browser, clock):
    nonsense = {"at": "?", "cron": "?", "starts": "?", "every": "-3", "month_day": "99", "weekdays": ["9"]}
    assert browser.post("/schedules/new", form(**nonsense, kind="daily") | {"at": "07:30"}).status_code == 302
    assert browser.post("/schedules/new", form(**nonsense) | {"kind": "cron", "cron": "0 9 * * *"}).status_code == 302


def test_a_preset_keeps_what_was_typed(browser):
    page = browser.get("/schedules/new").text
    assert page.index('tabindex="-1" aria-hidden="true">Save<') < page.index('name="preset"')  # what Enter presses
    typed = {"name": "My <news>", "prompt": "What is new\nfor {{date}}?", "zone": "Asia/Tokyo", "missed": "skip"}
    response = browser.post("/schedules/new", typed | {"preset": "monday", "kind": "daily", "at": "07:15"})
    page = response.text
    assert response.status_code == 200
    assert 'value="My &lt;news&gt;"' in page
    assert "What is new\nfor {{date}}?</textarea>" in page
    assert 'value="Asia/Tokyo"' in page
    assert '<option value="weekly" selected>' in page
    assert 'value="09:00"' in page
    assert 'class="error"' not in page
    assert "data-new" not in page.partition("<form class")[2]  # the browser's zone does not replace the typed one
    assert not Schedule.objects.exists()


@pytest.mark.parametrize("preset", [*PRESETS, "", "unknown"])
def test_presets_come_with_a_form_that_is_filled_in(browser, preset):
    response = browser.get(f"/schedules/new?preset={preset}")
    assert response.context["preview"].errors == []
    assert response.context["preview"].times


def test_a_chat_that_is_there_can_be_gone_on_with(browser, clock, alice):  # B53
    session = alice.chat_sessions.create(title="Gardening")
    assert "Gardening" in words(browser.get("/schedules/new"))
    browser.post("/schedules/new", form(target=str(session.pk)))
    schedule = Schedule.objects.get()
    assert (schedule.target, schedule.session) == (Target.SAME, session)
    edit = browser.get(page_of(schedule, "edit_schedule")).content.decode()
    assert f'<option value="{session.pk}" selected>' in edit
    actions.run_now(schedule)
    assert Run.objects.get().session == session


def test_the_history_links_to_the_chats_and_to_stop(browser, make, clock, end):  # B53
    schedule = make(every=60, overlap=Overlap.ENQUEUE)
    for _ in range(3):
        firing.tick(clock.forward(minutes=60))
    first = end(schedule.occurrences.last())
    running, waiting = schedule.occurrences.get(state=State.RUNNING), schedule.occurrences.get(state=State.CLAIMED)
    page = browser.get(page_of(schedule))
    text = words(page)
    assert "Answered" in text
    assert "In progress" in text
    assert "Waiting for the previous run" in text
    assert waiting.run is None
    for occurrence in (first, running):
        assert reverse("session", args=[occurrence.run.session_id]) in page.content.decode()
    stop = reverse("stop", args=[running.run_id])
    assert page.content.decode().count(f'action="{stop}"') == 1
    browser.post(stop)
    firing.tick(clock.forward(seconds=15))
    running.refresh_from_db()
    assert running.state == State.STOPPED
    assert "Stopped" in words(browser.get(page_of(schedule)))


def test_what_is_over_is_never_shown_as_being_written(browser, make, clock, write):
    """Its end has not been settled yet: the process that ended it died, or is about to."""
    answered, failed, deleted = make(name="a"), make(name="b"), make(name="c")
    firing.tick(clock.forward(minutes=60))
    transitions.complete(write(answered.occurrences.get().run).id, "stop")
    transitions.fail(write(failed.occurrences.get().run).id, RunError())
    deleted.occurrences.get().run.session.delete()
    for schedule, said in ((answered, "Answered"), (failed, f"Failed: {RunError().message}"), (deleted, "Stopped")):
        text = words(browser.get(page_of(schedule))).split("History")[1]
        assert said in text
        assert "In progress" not in text


def test_failures_say_why_on_the_list_and_in_the_history(browser, make, clock, end, settings):  # B53
    settings.SCHEDULE_MAX_FAILURES = 1
    schedule = make(every=60)
    firing.tick(clock.forward(minutes=60))
    end(schedule.occurrences.first(), lambda run_id: transitions.fail(run_id, RunError()))
    for page in ("/schedules", page_of(schedule)):
        text = words(browser.get(page))
        assert "Paused: failed once" in text
        assert f"Failed: {RunError().message}" in text


def test_what_is_new_is_marked(browser, make, clock, end):
    schedule = make(every=60)
    firing.tick(clock.forward(minutes=60))
    run = end(schedule.occurrences.first()).run
    assert run.session.news == News.UNREAD
    assert "Answered New Open" in words(browser.get(page_of(schedule)))


def test_run_now_leads_to_the_answer_being_written(browser, make, clock):  # B53
    schedule = make()
    response = browser.post(page_of(schedule, "run_schedule"))
    assert response.url == reverse("session", args=[Run.objects.get().session_id])
    clock.forward(seconds=2)
    again = browser.post(page_of(schedule, "run_schedule"))
    assert again.status_code == 409
    assert "is still being written" in words(again)


def test_run_now_of_a_model_that_is_gone_shows_the_error_in_the_chat(browser, make):  # B47
    schedule = make(model="model")
    Model.objects.update(enabled=False)
    page = browser.post(page_of(schedule, "run_schedule"), follow=True)
    assert "This model is not available." in words(page)


def test_what_is_over_can_still_be_renamed(browser, clock):
    browser.post("/schedules/new", form(kind="once"))
    schedule = Schedule.objects.get()
    clock.to(2026, 11, 26, 12)
    assert "No more runs." in words(browser.get(page_of(schedule)))
    changed = form(kind="once", name="Autumn")
    assert browser.post(page_of(schedule, "edit_schedule"), changed).status_code == 302
    schedule.refresh_from_db()
    assert (schedule.name, schedule.next_at) == ("Autumn", None)
    changed["starts"] = "2026-11-26T10:00"
    assert browser.post(page_of(schedule, "edit_schedule"), changed).status_code == 422


def test_the_switch_pauses_and_resumes(browser, make):  # B53
    schedule = make()
    assert browser.post(page_of(schedule, "pause_schedule"), {"on": "list"}).url == "/schedules"
    schedule.refresh_from_db()
    assert schedule.paused == Paused.BY_OWNER
    assert "Paused" in words(browser.get("/schedules"))
    assert browser.post(page_of(schedule, "resume_schedule")).url == page_of(schedule)
    schedule.refresh_from_db()
    assert schedule.paused == ""


def test_a_copy_is_opened_to_be_changed(browser, make):
    schedule = make()
    response = browser.post(page_of(schedule, "duplicate_schedule"), follow=True)
    assert "This copy is paused." in words(response)
    assert Schedule.objects.count() == 2


def test_deleting_asks_first(browser, make):  # B53
    schedule = make()
    assert "Delete “Weather”?" in words(browser.get(page_of(schedule, "delete_schedule")))
    assert browser.post(page_of(schedule, "delete_schedule")).url == "/schedules"
    assert not Schedule.objects.exists()


def test_a_local_time_that_the_site_s_own_zone_jumps_over_is_understood(browser, clock, settings):
    clock.to(2026, 3, 1)
    settings.TIME_ZONE = "America/New_York"
    browser.post("/schedules/new", form(kind="once", starts="2026-03-08T02:30", zone="Europe/Berlin"))
    assert Schedule.objects.get().next_at == datetime(2026, 3, 8, 1, 30, tzinfo=UTC)


def test_the_admin_shows_schedules_with_their_next_times_and_changes_nothing(log_in, charlie, make, clock):  # B59
    schedule = make(kind=Kind.DAILY, at=time(2, 30), starts_at=None)
    client = log_in(charlie)
    assert "Every day at 02:30" in words(client.get(reverse("admin:schedules_schedule_changelist")))
    page = client.get(reverse("admin:schedules_schedule_change", args=[schedule.pk]))
    assert "2026-11-21 02:30 CET 2026-11-22 02:30 CET" in words(page)
    assert client.post(reverse("admin:schedules_schedule_change", args=[schedule.pk]), {}).status_code == 403
    firing.tick(clock.forward(days=1))
    assert "Running" in words(client.get(reverse("admin:schedules_occurrence_changelist")))


def test_the_admin_leads_from_a_run_to_its_schedule_and_back(log_in, charlie, make):  # B59
    occurrence, other = actions.run_now(make(name="Weather")), actions.run_now(make(name="Tides"))
    client = log_in(charlie)

    def leads_to(path, label):
        """The page behind the link of this name."""
        page = client.get(path, follow=True).text
        return html.unescape(re.search(rf'href="([^"]*)">{label}</a>', page).group(1))

    run = reverse("admin:runs_run_change", args=[occurrence.run_id])
    found = leads_to(run, "Schedule")
    assert list(client.get(found).context["cl"].result_list) == [occurrence]
    schedule = leads_to(found, "Weather")
    assert leads_to(schedule, "show").endswith(str(occurrence.schedule_id))
    history = client.get(leads_to(schedule, "show")).context["cl"].result_list
    assert list(history) == [occurrence] != [other]
    assert leads_to(found, "Queued") == run


def test_the_list_costs_few_queries(browser, make, django_assert_max_num_queries):
    for _ in range(8):
        actions.run_now(make())
    with django_assert_max_num_queries(10):
        browser.get("/schedules")
