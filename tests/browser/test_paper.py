"""On paper, and in the colours that a system forces: nothing is lost there, and no furniture is printed."""

import pytest

from tests.browser.scenes import House
from tests.browser.window import expect

pytestmark = pytest.mark.browser

FURNITURE = (".sidebar", ".bar", ".dock", ".acts", ".code__copy")
WRAPS = "(code) => code.scrollWidth <= code.clientWidth + 1 && getComputedStyle(code).whiteSpace === 'pre-wrap'"
BORDER = "(node) => getComputedStyle(node).borderTopWidth"


@pytest.mark.long  # nothing that changes often
def test_a_chat_is_printed_whole_and_without_furniture(alice, tab):  # B81
    house = House(alice)
    session = house.session("Long words")
    question = "\n".join(f"line {number}" for number in range(60))
    house.say(session, question, f"Run this:\n\n```sh\necho {'long ' * 80}\n```\n\nSee https://example.org/ for more.")
    tab.page.goto(f"/chats/{session.pk}")
    for box in FURNITURE:
        assert tab.page.locator(box).locator("visible=true").count(), box
    tab.page.emulate_media(media="print")
    for box in FURNITURE:
        expect(tab.page.locator(box).locator("visible=true")).to_have_count(0)
    assert tab.answer.locator("pre code").evaluate(WRAPS)
    text = tab.questions.last.locator(".question__text")
    assert text.evaluate("(node) => node.scrollHeight <= node.clientHeight + 1")  # it is folded on a screen


@pytest.mark.long  # nothing that changes often
def test_what_only_colour_tells_has_a_border_in_forced_colours(alice, tab):  # B81
    tab.page.emulate_media(forced_colors="active")
    tab.page.goto(House(alice).states)
    question = tab.questions.first.locator(".question__text")
    assert question.evaluate(BORDER) == "1px"
    current = tab.page.get_by_role("navigation").locator("[aria-current]").first
    assert current.evaluate("(node) => getComputedStyle(node).outlineStyle") == "solid"
