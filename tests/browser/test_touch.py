"""A phone: a finger that cannot hover, and a keyboard on the screen whose Enter starts a new line."""

import pytest

from tests.browser.scenes import House
from tests.browser.window import expect
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser

PHONE = {"has_touch": True, "is_mobile": True, "viewport": {"width": 375, "height": 667}}
IS_TOUCH_ONLY = "matchMedia('(hover: none) and (pointer: coarse)').matches"
SMALL_FIELDS = """() => [...document.querySelectorAll("input, select, textarea")]
  .filter((field) => field.checkVisibility() && parseFloat(getComputedStyle(field).fontSize) < 16)
  .map((field) => field.outerHTML.slice(0, 120))"""
OPACITY = "(node) => getComputedStyle(node).opacity"


@pytest.fixture
def window_options() -> dict:
    return PHONE


def test_a_chat_on_a_phone(stack, alice, tab):  # B81
    """What a mouse would uncover is in sight, and no field is so small that the phone zooms into it."""
    page, text = tab.page, prompt("Which tree?", tokens=3)
    page.goto(House(alice).rich)
    assert page.evaluate(IS_TOUCH_ONLY)
    page.wait_for_load_state()
    tab.field.fill(text)
    tab.field.press("Enter")
    expect(tab.field).to_have_value(f"{text}\n")
    expect(page.locator(".composer__keys")).to_be_hidden()
    tab.send_button.tap()
    tab.expect_answer(spoken(3))
    tab.expect_state("complete")
    assert tab.questions.last.locator(".acts").evaluate(OPACITY) == "1"
    tab.questions.last.locator("summary", has_text="Edit").tap()
    expect(tab.questions.last.get_by_label("Your message")).to_be_focused()
    assert page.evaluate(SMALL_FIELDS) == []
    page.get_by_role("button", name="Chats", exact=True).tap()
    row = page.get_by_role("button", name="Menu for The area of a circle")
    assert row.evaluate(OPACITY) == "1"
    row.tap()
    expect(page.get_by_role("button", name="Rename").first).to_be_visible()
    for path in ("/settings", "/schedules/new?preset=weekdays", "/compare"):
        page.goto(path)
        assert page.evaluate(SMALL_FIELDS) == [], path
    check(alice.user.chat_sessions.get(title="The area of a circle").runs.latest("queued_at"))
