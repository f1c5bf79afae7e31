"""What the page makes of a device without a mouse: a phone, or a desktop that only says so."""

import pytest

from tests.browser.test_touch import IS_TOUCH_ONLY
from tests.browser.window import expect
from tests.harness.upstream import prompt, spoken

pytestmark = [
    pytest.mark.browser,
    pytest.mark.long,
    pytest.mark.only_engine("firefox", reason="its preferences choose the pointers of a machine"),
]
POINTERS = {"none": 0, "a finger": 1}  # Firefox's `PointerCapabilities`; `none` is a desktop seen from afar


@pytest.fixture(scope="module", params=POINTERS)
def pointer(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def firefox_preferences(pointer):
    return {f"ui.{which}PointerCapabilities": POINTERS[pointer] for which in ("primary", "all")}


def test_enter_is_a_new_line_only_where_there_is_no_keyboard(stack, alice, tab, pointer):
    """Firefox without windows reports no hover: Enter did not send there."""
    tab.page.goto("/")
    assert tab.page.evaluate("matchMedia('(hover: none)').matches")
    assert tab.page.evaluate(IS_TOUCH_ONLY) is (pointer == "a finger")
    text = prompt("Hello", tokens=2)
    tab.field.fill(text)
    tab.page.wait_for_load_state()
    tab.field.press("Enter")
    if pointer == "a finger":
        expect(tab.field).to_have_value(f"{text}\n")
        tab.send_button.click()
    tab.wait_for_session()
    tab.expect_answer(spoken(2))
    expect(tab.questions.last.get_by_text("Edit", exact=True)).to_be_visible()
    opacity = "(node) => getComputedStyle(node.closest('.acts')).opacity"
    assert tab.questions.last.get_by_text("Edit", exact=True).evaluate(opacity) == "1"
    tab.page.set_viewport_size({"width": 1280, "height": 640})
    menu = tab.page.get_by_role("navigation").get_by_role("button", name="Menu for ").first
    assert menu.evaluate("(node) => getComputedStyle(node).opacity") == "1"
