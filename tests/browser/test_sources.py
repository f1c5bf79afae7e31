"""The web pages that an answer names, while it is written and when it has ended, on one page without a reload."""

import pytest

from tests.browser.panes import Panes
from tests.browser.window import expect
from tests.harness.upstream import prompt, spoken

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

SOURCES = ["https://example.org/wren?a=1&b=2", "javascript:alert(1)"]


def expect_link(place) -> None:
    link = place.get_by_role("region", name="Sources").get_by_role("link")
    expect(link).to_have_count(1)
    expect(link).to_have_attribute("href", SOURCES[0])
    expect(link).to_have_attribute("rel", "nofollow noopener noreferrer")


def test_they_are_listed_before_the_answer_ends(stack, tab):
    say = prompt(tokens=6, hold=[3], sources=SOURCES)
    tab.start(say)
    tab.expect_answer(spoken(3))
    expect_link(tab.answers.last)
    tab.page.reload()
    expect_link(tab.answers.last)
    stack.upstream.release(say.tag)
    tab.expect_state("complete")
    expect_link(tab.answers.last)


@pytest.mark.long  # tests/web/test_sources.py reads the pane
def test_they_are_listed_in_a_comparison(stack, tab, contenders):
    panes = Panes(tab.page, contenders(tokens=6, hold=[3], sources=SOURCES))
    comparison = panes.start()
    panes.expect("A", "answering", spoken(3))
    expect_link(panes.pane("A"))
    for letter in "ABC":
        stack.upstream.release(panes.tag(comparison, letter))
    panes.expect("A", "completed", spoken(6))
    expect_link(panes.pane("A"))
