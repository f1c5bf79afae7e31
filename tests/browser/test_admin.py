"""The admin in a browser: no complaint about the content security policy, and a timeline that goes on by itself."""

import pytest
from playwright.sync_api import expect

from tests.harness.check import check
from tests.harness.upstream import prompt, spoken

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


@pytest.mark.long  # tests/runs/test_admin.py asks for what its script shows
def test_staff_watch_a_running_answer_in_the_admin(stack, alice, open_window):  # B59
    say = prompt(tokens=8, hold=[3, 6])
    run = alice.send(say)
    alice.follow(run).wait_for_text(spoken(3))
    page = open_window(stack, stack.person("charlie")).page
    page.goto(f"{stack.url}/admin/runs/run/")
    expect(page.locator(".board-cards")).to_contain_text("running 1")
    expect(page.locator(".board-chart svg")).to_have_count(2)
    page.goto(f"{stack.url}/admin/runs/run/{run.pk}/change/")
    expect(page.locator("[data-tail-state]")).to_have_text("Following live.")
    expect(page.locator(".timeline .live")).to_have_count(0)
    stack.upstream.release(say.tag)
    expect(page.locator(".timeline .live td:last-child")).to_contain_text(["w4 w5 w6"])
    stack.upstream.release(say.tag)
    expect(page.locator("[data-tail-state]")).to_contain_text("Ended: run.completed")
    run = check(run)
    # It should show each event once: what the page was rendered with, and the rest live.
    last = page.locator(".timeline tbody tr:last-child td:first-child")
    expect(last).to_have_text(str(run.last_seq))
