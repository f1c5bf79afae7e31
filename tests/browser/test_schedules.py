"""Schedules in the browser: the form says what it means while it is filled in, and an execution is watched."""

import os
from pathlib import Path

import pytest

from chatapp.schedules.models import Schedule
from runs.models import Run
from tests.browser.test_accessibility import AXE, FIND, FROM_THE_SIDE, RULES
from tests.browser.window import expect
from tests.harness.check import check
from tests.harness.processes import ROOT
from tests.harness.upstream import prompt, spoken

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


@pytest.fixture
def window_options() -> dict:
    return {"timezone_id": "Pacific/Auckland"}


def test_a_schedule_from_its_preset_to_its_history(stack, alice, tab):  # B50 B53
    page, say = tab.page, prompt("Look out of the window.", tokens=8, hold=[4])
    page.goto("/schedules")
    page.get_by_role("link", name="On weekdays").click()
    preview = page.get_by_role("region", name="Next times")
    expect(page.locator("[aria-live], [role=log], [role=status]")).to_have_count(1)
    expect(page.get_by_label("Time zone")).to_have_value("Pacific/Auckland")  # the browser's
    expect(preview).to_contain_text("Every weekday (Monday to Friday) at 09:00")
    expect(preview).to_contain_text("Pacific/Auckland")
    expect(preview.get_by_role("listitem")).to_have_count(5)
    expect(page.get_by_label("Cron expression")).to_be_hidden()

    # Whatever is changed is said at once
    page.get_by_label("Sat", exact=False).check()
    page.get_by_label("At", exact=True).fill("06:45")
    expect(preview).to_contain_text("Every Monday, Tuesday, Wednesday, Thursday, Friday and Saturday at 06:45")
    page.get_by_label("Repeat").select_option("cron")
    expect(page.get_by_label("At", exact=True)).to_be_hidden()
    page.get_by_label("Cron expression").fill("*/7 25 * * *")
    expect(preview).to_contain_text("Bad hour.")
    expect(page.locator("[role=status]")).to_contain_text("Bad hour.")
    page.get_by_label("Cron expression").fill("*/30 5 * * *")
    expect(preview).to_contain_text("Every 30th minute from 05:00 through 05:59")

    page.get_by_label("Name").fill("Weather")
    page.get_by_label("Prompt").fill(say)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Weather")).to_be_visible()
    schedule = Schedule.objects.get(owner=alice.user)
    assert (schedule.cron, schedule.zone) == ("*/30 5 * * *", "Pacific/Auckland")

    # Run by hand it is watched like any other answer
    page.get_by_role("button", name="Run now").click()
    tab.wait_for_session()
    tab.expect_answer(spoken(4).strip())
    page.goto("/schedules")
    expect(page.get_by_text("In progress")).to_be_visible()
    stack.upstream.release(say.tag)
    check(Run.objects.visible_to(alice.user).get())
    page.goto("/schedules")
    expect(page.get_by_text("Answered")).to_be_visible()
    switch = page.get_by_role("switch", name="Weather runs automatically")
    expect(switch).to_be_checked()
    switch.click()
    expect(switch).not_to_be_checked()
    page.get_by_role("link", name="Weather", exact=True).click()
    page.get_by_role("link", name="Open", exact=True).click()
    tab.expect_answer(spoken(8).strip())


@pytest.mark.long  # test_accessibility.py looks at a page of forms
@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_its_pages_are_for_everybody(stack, alice, open_window, tmp_path, theme):
    """With SCREENSHOTS=1 the pictures of the documentation are taken."""
    window = open_window(stack, alice, color_scheme=theme, bypass_csp=True, viewport={"width": 1120, "height": 860})
    window.context.add_init_script(path=AXE)
    page, problems = window.page, {}
    page.goto("/schedules/new?preset=morning")
    page.get_by_label("Name").fill("Morning briefing")
    page.get_by_label("Prompt").fill("What is new since {{last_answer}}? Today is {{date}}.")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    expect(page.get_by_role("region", name="Next times")).to_contain_text("Europe/Berlin")
    directory = Path(ROOT) / "docs" / "screenshots" if "SCREENSHOTS" in os.environ else tmp_path
    page.screenshot(path=directory / ("schedule.png" if theme == "light" else "schedule-dark.png"))
    problems["editor"] = page.evaluate(FIND, RULES)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Morning briefing")).to_be_visible()  # WebKit's click does not wait
    for path in (page.url, "/schedules", "/schedules/new?preset=cron"):
        page.goto(path)
        problems[path] = page.evaluate(FIND, RULES)
        page.set_viewport_size({"width": 320, "height": 640})
        problems[f"{path} from the side"] = [page.evaluate(FROM_THE_SIDE)] if page.evaluate(FROM_THE_SIDE) else []
        page.set_viewport_size({"width": 1120, "height": 860})
    assert {name: found for name, found in problems.items() if found} == {}
